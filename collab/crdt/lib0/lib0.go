// Package lib0 reads and writes the byte formats of the lib0 encoding that Yjs speaks: variable-length integers, strings, byte arrays and any-values.
package lib0
