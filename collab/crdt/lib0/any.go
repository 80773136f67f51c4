package lib0

import (
	"encoding/binary"
	"fmt"
	"math"
)

// MaxAnyDepth bounds how deep arrays and objects nest in an any-value. Reading
// recurses once a level, so this also bounds the stack.
const MaxAnyDepth = 64

// Undefined is JavaScript's undefined, which lib0 tells from null (nil in Go).
type Undefined struct{}

// BigInt is a JavaScript BigInt of at most 64 bits.
type BigInt int64

// Member is one property of an Object.
type Member struct {
	Key   string
	Value any
}

// Object is an object's properties in the order of the wire. A repeated key
// stays: in JavaScript the last one wins.
type Object []Member

// The tags of any-values.
const (
	tagBytes     = 116
	tagArray     = 117
	tagObject    = 118
	tagString    = 119
	tagTrue      = 120
	tagFalse     = 121
	tagBigInt    = 122
	tagFloat64   = 123
	tagFloat32   = 124
	tagInteger   = 125
	tagNull      = 126
	tagUndefined = 127
)

// SkipAny checks one any-value completely and moves past it, without building it.
func (d *Decoder) SkipAny() error { return d.skipAny(0) }

func (d *Decoder) skipAny(depth int) error {
	tag, err := d.ReadUint8()
	if err != nil {
		return err
	}
	switch tag {
	case tagUndefined, tagNull, tagTrue, tagFalse:
		return nil
	case tagInteger:
		_, _, err = d.ReadVarInt()
	case tagFloat32:
		_, err = d.ReadBytes(4)
	case tagFloat64, tagBigInt:
		_, err = d.ReadBytes(8)
	case tagString:
		_, err = d.ReadVarText()
	case tagBytes:
		_, err = d.ReadVarBytes()
	case tagArray, tagObject:
		n, err := d.readCount(tag, depth)
		if err != nil {
			return err
		}
		for range n {
			if tag == tagObject {
				if _, err := d.ReadVarText(); err != nil {
					return err
				}
			}
			if err := d.skipAny(depth + 1); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%w %d", ErrTag, tag)
	}
	return err
}

// readCount reads how many values a container has and compares that with the
// bytes that remain, before anything is allocated for them.
func (d *Decoder) readCount(tag uint8, depth int) (int, error) {
	if depth >= MaxAnyDepth {
		return 0, ErrDepth
	}
	n, err := d.ReadVarUint()
	if err != nil {
		return 0, err
	}
	least := uint64(1)
	if tag == tagObject {
		least = 2
	}
	if n > uint64(d.Remaining())/least {
		return 0, ErrUnexpectedEnd
	}
	return int(n), nil
}

// ReadAny reads one any-value: Undefined, nil, bool, int64, float32, float64,
// BigInt, string, []byte (not copied), []any or Object. The integer minus zero,
// which int64 lacks, is a float64.
func (d *Decoder) ReadAny() (any, error) { return d.readAny(0) }

func (d *Decoder) readAny(depth int) (any, error) {
	tag, err := d.ReadUint8()
	if err != nil {
		return nil, err
	}
	switch tag {
	case tagUndefined:
		return Undefined{}, nil
	case tagNull:
		return nil, nil
	case tagTrue:
		return true, nil
	case tagFalse:
		return false, nil
	case tagInteger:
		n, negative, err := d.ReadVarInt()
		if err != nil {
			return nil, err
		}
		if n == 0 && negative {
			return math.Copysign(0, -1), nil
		}
		return n, nil
	case tagFloat32:
		b, err := d.ReadBytes(4)
		if err != nil {
			return nil, err
		}
		return math.Float32frombits(binary.BigEndian.Uint32(b)), nil
	case tagFloat64, tagBigInt:
		b, err := d.ReadBytes(8)
		if err != nil {
			return nil, err
		}
		if tag == tagBigInt {
			return BigInt(binary.BigEndian.Uint64(b)), nil
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case tagString:
		return d.ReadVarString()
	case tagBytes:
		return d.ReadVarBytes()
	case tagArray:
		return d.readArray(depth)
	case tagObject:
		return d.readObject(depth)
	}
	return nil, fmt.Errorf("%w %d", ErrTag, tag)
}

func (d *Decoder) readArray(depth int) (any, error) {
	n, err := d.readCount(tagArray, depth)
	if err != nil {
		return nil, err
	}
	values := make([]any, 0, min(n, 64))
	for range n {
		v, err := d.readAny(depth + 1)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func (d *Decoder) readObject(depth int) (any, error) {
	n, err := d.readCount(tagObject, depth)
	if err != nil {
		return nil, err
	}
	members := make(Object, 0, min(n, 64))
	for range n {
		key, err := d.ReadVarString()
		if err != nil {
			return nil, err
		}
		v, err := d.readAny(depth + 1)
		if err != nil {
			return nil, err
		}
		members = append(members, Member{Key: key, Value: v})
	}
	return members, nil
}

// maxVarIntNumber is the magnitude up to which lib0 writes a number as an integer.
const maxVarIntNumber = 1<<31 - 1

// AppendAny appends v in the form that lib0 itself would choose: whole numbers
// below 2^31 as integers, others as float32 where that is exact, else float64.
// It takes what ReadAny gives, and int; any other type, or nesting beyond
// MaxAnyDepth, is an error.
func AppendAny(dst []byte, v any) ([]byte, error) { return appendAny(dst, v, 0) }

func appendAny(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case Undefined:
		return append(dst, tagUndefined), nil
	case nil:
		return append(dst, tagNull), nil
	case bool:
		if v {
			return append(dst, tagTrue), nil
		}
		return append(dst, tagFalse), nil
	case int:
		return appendNumber(dst, float64(v)), nil
	case int64:
		return appendNumber(dst, float64(v)), nil
	case float32:
		return appendNumber(dst, float64(v)), nil
	case float64:
		return appendNumber(dst, v), nil
	case BigInt:
		return binary.BigEndian.AppendUint64(append(dst, tagBigInt), uint64(v)), nil
	case string:
		return AppendVarString(append(dst, tagString), v), nil
	case []byte:
		return AppendVarBytes(append(dst, tagBytes), v), nil
	case []any:
		if depth >= MaxAnyDepth {
			return dst, ErrDepth
		}
		dst = AppendVarUint(append(dst, tagArray), uint64(len(v)))
		var err error
		for _, e := range v {
			if dst, err = appendAny(dst, e, depth+1); err != nil {
				return dst, err
			}
		}
		return dst, nil
	case Object:
		if depth >= MaxAnyDepth {
			return dst, ErrDepth
		}
		dst = AppendVarUint(append(dst, tagObject), uint64(len(v)))
		var err error
		for _, m := range v {
			dst = AppendVarString(dst, m.Key)
			if dst, err = appendAny(dst, m.Value, depth+1); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	return dst, fmt.Errorf("encode any-value: unsupported type %T", v)
}

func appendNumber(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) <= maxVarIntNumber {
		return AppendVarInt(append(dst, tagInteger), uint64(math.Abs(f)), math.Signbit(f))
	}
	if float64(float32(f)) == f {
		return binary.BigEndian.AppendUint32(append(dst, tagFloat32), math.Float32bits(float32(f)))
	}
	return binary.BigEndian.AppendUint64(append(dst, tagFloat64), math.Float64bits(f))
}
