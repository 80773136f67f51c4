package crdt

import (
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// anyJSON writes an any-value as the JSON text that version 1 has in its place,
// what Yjs's JSON.stringify makes of it, without building the value: a value of a
// byte becomes sixteen times as large when it is built.
type anyJSON struct {
	d     *lib0.Decoder
	b     []byte
	limit int // of b
}

// value writes one value and says whether it was undefined, for which it has
// written null. Where Yjs throws, at a BigInt, it refuses.
func (j *anyJSON) value(depth int) (undefined bool, err error) {
	t, err := j.d.ReadToken()
	if err != nil {
		return false, err
	}
	if (t.Array || t.Object) && depth >= lib0.MaxAnyDepth {
		return false, lib0.ErrDepth
	}
	switch v := t.Value.(type) {
	case lib0.Undefined:
		undefined = true
	case lib0.BigInt:
		return false, errJSON
	case string:
		if err := j.room(v); err != nil {
			return false, err
		}
	case []byte:
		// An object of its indexes: "1234567":255, for each.
		if len(v) > (j.limit-len(j.b))/16 {
			return false, errExpands
		}
	}
	switch {
	case t.Array:
		err = j.array(t.Len, depth)
	case t.Object:
		err = j.object(t.Len, depth)
	case undefined:
		j.b = append(j.b, "null"...)
	default:
		j.b = AppendJSON(j.b, t.Value)
	}
	if err == nil && len(j.b) > j.limit {
		err = errExpands
	}
	return undefined, err
}

func (j *anyJSON) array(n, depth int) error {
	j.b = append(j.b, '[')
	for i := range n {
		if i > 0 {
			j.b = append(j.b, ',')
		}
		if _, err := j.value(depth + 1); err != nil {
			return err
		}
	}
	j.b = append(j.b, ']')
	return nil
}

func (j *anyJSON) object(n, depth int) error {
	j.b = append(j.b, '{')
	empty := true
	for range n {
		before := len(j.b)
		if !empty {
			j.b = append(j.b, ',')
		}
		key, err := j.d.ReadVarString()
		if err != nil {
			return err
		}
		if err := j.room(key); err != nil {
			return err
		}
		j.b = append(appendQuoted(j.b, key), ':')
		undefined, err := j.value(depth + 1)
		if err != nil {
			return err
		}
		if undefined {
			j.b = j.b[:before]
		} else {
			empty = false
		}
	}
	j.b = append(j.b, '}')
	return nil
}

// room makes room for a string in quotes, in which a byte may take six.
func (j *anyJSON) room(s string) error {
	size := len(s) + 2
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ':
			size += 5
		case c == '"' || c == '\\':
			size++
		}
	}
	if size > j.limit-len(j.b) {
		return errExpands
	}
	j.b = slices.Grow(j.b, size)
	return nil
}
