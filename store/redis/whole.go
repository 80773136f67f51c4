//go:build !broken

package redis

// brokenNoExpiry makes presence outlive its node; see broken.go.
const brokenNoExpiry = false
