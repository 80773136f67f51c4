package sqlite_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// BenchmarkLoadDocument reads a log of 10,000 rows of 25 bytes that no snapshot covers.
func BenchmarkLoadDocument(b *testing.B) {
	const rows = 10_000
	ctx := b.Context()
	s := open(b, filepath.Join(b.TempDir(), "bench.db"))
	defer s.Close()
	user, err := s.CreateUser(ctx, store.User{Email: "a@example.org", Role: store.RoleMember})
	if err != nil {
		b.Fatal(err)
	}
	doc, _, err := s.CreateDocument(ctx, store.Document{Owner: user.ID}, nil)
	if err != nil {
		b.Fatal(err)
	}
	_, head, err := s.Roles(ctx, doc.ID, nil)
	if err != nil {
		b.Fatal(err)
	}
	part := store.DocumentAppend{Document: doc.ID, Epoch: head.Epoch, AccessVersion: head.AccessVersion}
	for range rows {
		part.Rows = append(part.Rows, store.NewRow{Author: user.ID, Update: bytes.Repeat([]byte{1}, 25)})
	}
	if _, err := s.Append(ctx, store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}, Documents: []store.DocumentAppend{part}}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		_, err := s.LoadDocument(ctx, doc.ID, store.Loader{
			Binding: func(store.Binding) error { return nil },
			Row:     func(store.Row) error { n++; return nil },
		})
		if err != nil || n != rows {
			b.Fatalf("%d rows, %v", n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}

// BenchmarkOpenMemory makes a new in-memory database, as tests do for every seed.
func BenchmarkOpenMemory(b *testing.B) {
	for b.Loop() {
		if err := open(b, sqlite.Memory).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
