package crdt

// State is un-integrated state: per client the runs of structs, and a delete
// set. It is a whole document or a delta on top of one. Not safe for concurrent use.
type State struct{}

// NewState makes an empty State.
func NewState() *State { return &State{} }

// Apply adds u.
func (s *State) Apply(u Update) {}

// Reset empties the state and keeps memory for reuse.
func (s *State) Reset() {}

// IsEmpty says whether the state has neither structs nor deletes.
func (s *State) IsEmpty() bool { return true }

// StateVector gives what is contiguous from clock 0.
func (s *State) StateVector() StateVector { return nil }

// Encode gives everything as one v1 update.
func (s *State) Encode() Update { return Update{} }

// Diff gives what sv lacks, with the whole delete set.
func (s *State) Diff(sv StateVector) Update { return Update{} }

// Size is the approximate number of encoded bytes.
func (s *State) Size() int { return 0 }

// Hash is canonical over state vector and delete set.
func (s *State) Hash() [32]byte { return [32]byte{} }

// Stats counts what a State holds.
type Stats struct{ Clients, Structs, DeleteRanges, Roots, Bytes int }

// Stats counts what the state holds.
func (s *State) Stats() Stats { return Stats{} }

// Text gives the plain text of a root.
func (s *State) Text(root string) (string, error) { return "", nil }

// Roots lists the root type names, sorted.
func (s *State) Roots() []string { return nil }
