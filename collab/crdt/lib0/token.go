package lib0

// Token is what an any-value begins with: a whole value that has no others inside
// it, or the head of an array or object, whose Len values (each behind its key, in
// an object) follow on the wire.
type Token struct {
	Value  any // as ReadAny gives it; nil for an array or object
	Array  bool
	Object bool
	Len    int
}

// ReadToken reads as much of an any-value as doesn't hold others, for callers that
// go through a value without building it. They count for themselves how deep it
// nests: MaxAnyDepth is not checked.
func (d *Decoder) ReadToken() (Token, error) {
	if d.pos >= len(d.b) {
		return Token{}, ErrUnexpectedEnd
	}
	tag := d.b[d.pos]
	if tag != tagArray && tag != tagObject {
		v, err := d.readAny(0)
		return Token{Value: v}, err
	}
	d.pos++
	n, err := d.readCount(tag, 0)
	if err != nil {
		return Token{}, err
	}
	return Token{Array: tag == tagArray, Object: tag == tagObject, Len: n}, nil
}
