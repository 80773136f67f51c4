package faults

// postgresFaults are those of PostgreSQL and of the ways to it.
func postgresFaults() []fault { return nil }
