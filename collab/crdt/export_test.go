package crdt

// Facts is what an Update says about its bytes.
type Facts struct {
	Dels, Structs, Types, Ranges int
	Tidy, TidyDels               bool
}

// Facts is for tests.
func (u Update) Facts() Facts {
	dels := u.dels
	if u.b == nil {
		return Facts{Dels: 1, Tidy: true, TidyDels: true}
	}
	return Facts{dels, u.structs, u.types, u.ranges, u.tidy, u.tidyDels}
}
