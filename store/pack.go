package store

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// MaxUnpacked bounds what Unpack inflates, in bytes: a document's 50 MiB with room to spare.
const MaxUnpacked = 256 << 20

const (
	packedRaw  = 0
	packedZstd = 1
	// packFrom is the size in bytes from which compressing pays; single keystrokes stay as they are.
	packFrom = 256
	// largeUnpacked is the size in bytes from which it pays to make the decoder forget what it has inflated.
	largeUnpacked = 256 << 10
)

// ErrCorrupt: stored bytes are not what Pack made.
var ErrCorrupt = errors.New("stored bytes are corrupt")

// codec compresses and inflates for everyone. It is complete when the program starts: both halves keep their state in channels, which must not be born inside a
// testing/synctest bubble that happens to be the first to pack (zstd makes the encoder's at its first use).
var codec = newCodec()

type zstdCodec struct {
	enc   *zstd.Encoder
	dec   *zstd.Decoder
	small []byte // something compressed
}

func newCodec() zstdCodec {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		// The window is what the encoder keeps in memory for ever, four times over. One of 4 MiB makes a long text smaller by 0.2 percent.
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic("store: zstd encoder options: " + err.Error())
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxUnpacked))
	if err != nil {
		panic("store: zstd decoder options: " + err.Error())
	}
	return zstdCodec{enc: enc, dec: dec, small: enc.EncodeAll([]byte("small"), nil)}
}

// Pack gives the form in which updates and states are stored: one byte that names the format, then the bytes, compressed with zstd when that is shorter.
func Pack(b []byte) []byte {
	if len(b) >= packFrom {
		if z := codec.enc.EncodeAll(b, []byte{packedZstd}); len(z) <= len(b) {
			return z
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
		b, err := codec.dec.DecodeAll(p[1:], nil)
		if err != nil {
			return nil, fmt.Errorf("unpack: %w: %w", ErrCorrupt, err)
		}
		if len(b) >= largeUnpacked {
			// The decoder holds on to the newest thing that it has inflated.
			if _, err := codec.dec.DecodeAll(codec.small, nil); err != nil {
				return nil, fmt.Errorf("unpack: %w", err)
			}
		}
		return b, nil
	}
	return nil, fmt.Errorf("unpack: %w: unknown format %d", ErrCorrupt, p[0])
}
