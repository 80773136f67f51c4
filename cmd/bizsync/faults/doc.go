// Package faults breaks a cluster in every way that can be thought of, and looks whether anything was lost. It starts two or three nodes of the built program with a
// PostgreSQL and a Redis of its own, reached through proxies that can be cut, slowed and tampered with, and a crowd of stock Yjs clients who type unique tokens.
//
// After each fault every token that was acknowledged is there exactly once: in every client, in one that comes fresh to each node, and in what the database
// holds; all are equal within five seconds; the nodes are still the same processes, with the memory and goroutines that they had; and their logs hold neither
// a panic nor a secret.
//
// `go test` runs the faster faults; BIZSYNC_FAULTS=all runs all of them, as `make faults` does.
package faults
