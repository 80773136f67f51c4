//go:build unix

package sqlite_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// BenchmarkAppend commits rows of 25 bytes, each to a document of its own, as many documents a commit as the name says, in turns to all of 500 documents with two
// writers each, whose client ids are bound already. CPU is the whole process's, the kernel's part for it included.
func BenchmarkAppend(b *testing.B) {
	o := newOffice(b, 500)
	run := uuid.New()
	number := uint64(0)
	for _, n := range []int{1, 8, 24, 100} {
		b.Run(fmt.Sprintf("%d documents", n), func(b *testing.B) {
			ctx := b.Context()
			batch := store.Batch{Key: store.Key{Run: run}, Documents: make([]store.DocumentAppend, n)}
			places := make([]int, n)
			turn := 0
			// Coprime with their number, so that those of one batch lie apart and each comes as often as the others.
			const stride = 307
			next := func() {
				number++
				batch.Key.Number = number
				for i := range batch.Documents {
					places[i] = turn * stride % len(o.parts)
					d := &batch.Documents[i]
					*d = o.parts[places[i]]
					d.Rows = d.Rows[turn/len(o.parts)%2:][:1]
					turn++
				}
				res, err := o.s.Append(ctx, batch)
				if err != nil {
					b.Fatal(err)
				}
				for i, d := range res.Documents {
					if d.Refused != store.Accepted || d.Rows[0].Refused != store.Accepted {
						b.Fatal(d.Refused, d.Rows)
					}
					p := &o.parts[places[i]]
					p.UpTo, p.UpToRow = d.Head.Seq, d.Head.Row
				}
			}
			for turn < 2*len(o.parts) { // everybody once
				next()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			cpu := processCPU(b)
			b.ResetTimer()
			for b.Loop() {
				next()
			}
			b.StopTimer()
			cpu = processCPU(b) - cpu
			runtime.ReadMemStats(&after)
			rows := float64(b.N * n)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/rows, "ns/row")
			b.ReportMetric(float64(cpu.Nanoseconds())/1e3/rows, "cpu-us/row")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/rows, "allocs/row")
		})
	}
}

// office is many documents with people who write in them.
type office struct {
	s     *sqlite.Store
	parts []store.DocumentAppend // of each document, one row of each of its writers
}

func newOffice(b *testing.B, documents int) *office {
	b.Helper()
	ctx := b.Context()
	o := &office{s: open(b, filepath.Join(b.TempDir(), "bench.db"))}
	b.Cleanup(func() {
		if err := o.s.Close(); err != nil {
			b.Error(err)
		}
	})
	for d := range documents {
		var people [2]store.User
		for i := range people {
			var err error
			if people[i], err = o.s.CreateUser(ctx, store.User{Email: fmt.Sprintf("%d.%d@example.org", d, i), Role: store.RoleMember}); err != nil {
				b.Fatal(err)
			}
		}
		doc, _, err := o.s.CreateDocument(ctx, store.Document{Owner: people[0].ID}, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := o.s.SetMember(ctx, doc.ID, people[1].ID, store.Editor, people[0].ID); err != nil {
			b.Fatal(err)
		}
		_, head, err := o.s.Roles(ctx, doc.ID, nil)
		if err != nil {
			b.Fatal(err)
		}
		part := store.DocumentAppend{Document: doc.ID, Epoch: head.Epoch, AccessVersion: head.AccessVersion}
		for i, u := range people {
			part.Rows = append(part.Rows, store.NewRow{Author: u.ID, Update: bytes.Repeat([]byte{byte(i + 1)}, 25)})
		}
		o.parts = append(o.parts, part)
	}
	return o
}

// processCPU is the time that this process has used, of its own and in the kernel.
func processCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
