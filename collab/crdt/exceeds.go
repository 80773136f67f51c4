package crdt

// Exceeds says whether u has a struct, or part of one, that v doesn't cover.
func (u Update) Exceeds(v StateVector) bool {
	if u.structs == 0 {
		return false
	}
	var w wireStruct
	for c := beginStructs(u.b); c.nextBlock(); {
		for c.next(&w) {
			if w.kind() != contentSkip && w.end() > v[c.client] {
				return true
			}
		}
	}
	return false
}

// LowerTo lowers v to the first clock of each client's structs in u, where it is above: what a peer knows that was told all of v but u.
func (u Update) LowerTo(v StateVector) {
	if u.structs == 0 {
		return
	}
	var w wireStruct
	for c := beginStructs(u.b); c.nextBlock(); {
		for seen := false; c.next(&w); {
			if seen || w.kind() == contentSkip {
				continue
			}
			seen = true
			if v[c.client] > w.clock {
				v[c.client] = w.clock
			}
		}
	}
}

// RaiseTo raises v to the last clock of each client's structs in u: what a peer knows that was told v, and then u, if u follows v without a gap.
func (u Update) RaiseTo(v StateVector) {
	if u.structs == 0 {
		return
	}
	var w wireStruct
	for c := beginStructs(u.b); c.nextBlock(); {
		for c.next(&w) {
			if w.kind() != contentSkip && v[c.client] < w.end() {
				v[c.client] = w.end()
			}
		}
	}
}
