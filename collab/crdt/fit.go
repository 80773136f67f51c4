package crdt

// Known is what a room knows: layers, oldest first. The first layer starts at
// clock 0; a later layer continues where the earlier ones end.
type Known []*State

// Fit is the answer of Known.Fit.
type Fit struct {
	Update       Update   // what the layers lack and what can be applied on top of them
	Structs      int      // wire structs that Update adds
	NewClients   int      // clients that no layer knows
	DeleteRanges int      // delete ranges that Update adds
	NewRoots     int      // root type names that no layer knows
	Bytes        int      // len of Update's bytes
	Writers      []uint64 // clients under which Update brings new structs; valid until the next Fit on the same top layer
	Missing      bool     // something was cut: a gap or a reference beyond what is known
	Foreign      bool     // something new was cut because owner refused its client
	Layer        int      // the highest layer that already holds any struct or delete of the update; -1 if none
}

// Fit cuts u to what can be staged on top of k.
func (k Known) Fit(u Update, owner func(client uint64) bool) Fit { return Fit{Layer: -1} }
