package sqlite_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// BenchmarkAppend commits rows of 25 bytes, each to a document of its own, as many a commit as the name says.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 20, 100} {
		b.Run(fmt.Sprintf("%d rows", n), func(b *testing.B) {
			ctx := b.Context()
			s, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "bench.db"), sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			user, err := s.CreateUser(ctx, store.User{Email: "a@example.org", Name: "A", Role: store.RoleMember})
			if err != nil {
				b.Fatal(err)
			}
			batch := store.Batch{Key: store.Key{Run: uuid.New()}}
			for range n {
				doc, _, err := s.CreateDocument(ctx, store.Document{Owner: user.ID}, nil)
				if err != nil {
					b.Fatal(err)
				}
				_, head, err := s.Roles(ctx, doc.ID, nil)
				if err != nil {
					b.Fatal(err)
				}
				batch.Documents = append(batch.Documents, store.DocumentAppend{
					Document: doc.ID, Epoch: head.Epoch, AccessVersion: head.AccessVersion,
					Rows: []store.NewRow{{Author: user.ID, Update: bytes.Repeat([]byte{1}, 25), Clients: []uint64{1}}},
				})
			}
			for b.Loop() {
				batch.Key.Number++
				res, err := s.Append(ctx, batch)
				if err != nil {
					b.Fatal(err)
				}
				for i, d := range res.Documents {
					if d.Refused != store.Accepted {
						b.Fatal(d.Refused)
					}
					batch.Documents[i].UpTo, batch.Documents[i].UpToRow = d.Head.Seq, d.Head.Row
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}
