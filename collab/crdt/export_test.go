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

// The content numbers that tests look for.
const (
	ContentDeleted = contentDeleted
	ContentString  = contentString
)

// Kinds gives the ids of u's structs by the kind of content, for tests.
func (u Update) Kinds() [contentSkip + 1]IDSet {
	var all [contentSkip + 1]IDSet
	for k := range all {
		all[k] = u.collect(func(kind byte) bool { return int(kind) == k }, 0)
	}
	return all
}
