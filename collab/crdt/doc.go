// Package crdt is the Yjs-compatible engine at the level of un-integrated state: it checks, merges, cuts and re-encodes updates without building the document.
package crdt
