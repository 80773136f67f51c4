//go:build !broken

package postgres

import "context"

// appendFunction is the function that Append calls.
const appendFunction = "append_batch_3"

// seedFault does nothing: see broken.go.
func (*Store) seedFault(context.Context) error { return nil }
