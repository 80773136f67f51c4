package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/bizsync/bizsync/store/sqlite"
)

// BenchmarkFindPeople searches a company of ten thousand.
func BenchmarkFindPeople(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "bizsync.db"))
	defer s.Close()
	var statements []string
	for i := range 10_000 {
		statements = append(statements, fmt.Sprintf("INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at)"+
			" VALUES (randomblob(16), 'person%d@example.org', 'person%d@example.org', 'Given%d Family%d', 'member', '', 0, 0)", i, i, i, i%100))
	}
	if err := sqlite.Transact(b.Context(), s, statements...); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		people, err := s.FindPeople(b.Context(), "family7", 20)
		if err != nil || len(people) != 20 {
			b.Fatal(len(people), err)
		}
	}
}
