package store

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// MaxUnpacked bounds what Unpack inflates, in bytes: a document's 50 MiB with room to spare.
const MaxUnpacked = 256 << 20

const (
	packedRaw  = 0
	packedZstd = 1
	// packFrom is the size in bytes from which compressing pays; single keystrokes stay as they are.
	packFrom = 256
)

// ErrCorrupt: stored bytes are not what Pack made.
var ErrCorrupt = errors.New("stored bytes are corrupt")

var encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
})

var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxUnpacked))
})

// Pack gives the form in which updates and states are stored: one byte that names the format, then the bytes, compressed with zstd when that is shorter.
func Pack(b []byte) []byte {
	if len(b) >= packFrom {
		if enc, err := encoder(); err == nil {
			if z := enc.EncodeAll(b, []byte{packedZstd}); len(z) <= len(b) {
				return z
			}
		}
	}
	return append([]byte{packedRaw}, b...)
}

// Unpack is the inverse of Pack. The result may share memory with p. It fails with ErrCorrupt, never with more than MaxUnpacked bytes.
func Unpack(p []byte) ([]byte, error) {
	if len(p) == 0 {
		return nil, fmt.Errorf("unpack: %w: empty", ErrCorrupt)
	}
	switch p[0] {
	case packedRaw:
		return p[1:], nil
	case packedZstd:
		dec, err := decoder()
		if err != nil {
			return nil, fmt.Errorf("unpack: %w", err)
		}
		b, err := dec.DecodeAll(p[1:], nil)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w: %w", ErrCorrupt, err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("unpack: %w: unknown format %d", ErrCorrupt, p[0])
}
