package lib0

// AppendVarUint appends n, seven bits a byte, lowest first. Yjs reads at most 53 bits.
func AppendVarUint(dst []byte, n uint64) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// VarUintLen is the number of bytes that AppendVarUint appends for n.
func VarUintLen(n uint64) int {
	size := 1
	for n >= 0x80 {
		n >>= 7
		size++
	}
	return size
}

// AppendVarInt appends a signed integer; negative is given apart, since lib0
// has a minus zero.
func AppendVarInt(dst []byte, magnitude uint64, negative bool) []byte {
	c := byte(magnitude & 0x3f)
	if negative {
		c |= 0x40
	}
	magnitude >>= 6
	if magnitude == 0 {
		return append(dst, c)
	}
	return AppendVarUint(append(dst, c|0x80), magnitude)
}

// AppendVarBytes appends b with its length before it.
func AppendVarBytes(dst, b []byte) []byte {
	return append(AppendVarUint(dst, uint64(len(b))), b...)
}

// AppendVarString appends s with its length in bytes before it. s must be valid
// UTF-8, or other readers refuse it.
func AppendVarString(dst []byte, s string) []byte {
	return append(AppendVarUint(dst, uint64(len(s))), s...)
}
