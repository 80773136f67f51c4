// Package e2e tests the server from outside: it builds the program, starts it with a data directory of its own, and has stock Yjs clients under Node edit
// through it while it is killed, restarted and sent what nobody should send.
//
// `npm ci --prefix cmd/bizsync/e2e/node` installs the clients; without them the tests fail.
package e2e
