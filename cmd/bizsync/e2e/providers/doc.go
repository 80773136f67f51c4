// Package providers tests the built server with the providers and editors that applications use, unmodified: y-websocket 3 and Hocuspocus 2, 3 and 4, each below TipTap and CodeMirror.
//
// `npm ci --prefix cmd/bizsync/e2e/providers/node` installs them; without them the tests fail.
package providers
