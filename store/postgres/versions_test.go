package postgres_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// previous is a node of the version before, which commits through append_batch_2.
type previous struct {
	conn *pgx.Conn
	run  uuid.UUID
}

// append commits one row as such a node does, and gives what became of it and the document's head after it.
func (p *previous) append(t testing.TB, number int, h store.Head, author store.UserID, text string) (refused store.Refusal, head store.Head) {
	t.Helper()
	data := store.Pack([]byte(text))
	b := &pgx.Batch{}
	b.Queue("INSERT INTO batches (run, number, created_at, digest, state) VALUES ($1, $2, clock_timestamp(), 0, 0) ON CONFLICT DO NOTHING", p.run, number)
	b.Queue("SELECT doc_refused[1], row_refused[1], head_seq[1], head_row[1], head_epoch[1] FROM append_batch_2($1, $2, $3, $4, $5, $6, $7, '{}', '{}', '{}', '{1}', $8, $9, '{}', '{1}', '{1}', $10, $11, '{1}', 256, 1048576, false)",
		p.run, number, []uuid.UUID{h.Document}, []uuid.UUID{h.Epoch}, []int64{int64(h.Seq)}, []int64{int64(h.Row)}, []int64{int64(h.AccessVersion)},
		[]int64{int64(number)<<32 + 7}, []uuid.UUID{author}, []int32{int32(len(text))}, [][]byte{data})
	sent := p.conn.SendBatch(t.Context(), b)
	_, err := sent.Exec()
	head = store.Head{Document: h.Document, AccessVersion: h.AccessVersion}
	var doc, row store.Refusal
	if err == nil {
		err = sent.QueryRow().Scan(&doc, &row, &head.Seq, &head.Row, &head.Epoch)
	}
	if closed := sent.Close(); err == nil {
		err = closed
	}
	if err != nil {
		t.Error(err)
	}
	return max(doc, row), head
}

// TestNodesOfTwoVersions: while a cluster is renewed, nodes of this version and of the one before commit to the same document.
func TestNodesOfTwoVersions(t *testing.T) {
	const rows = 100
	f := newFixture(t, shared.database(t), quiet(), 1)
	start := f.heads[0]
	old := &previous{conn: connect(t, f.url), run: uuid.New()}
	var nodes sync.WaitGroup
	nodes.Go(func() {
		h := start
		for n := range rows {
			var refused store.Refusal
			if refused, h = old.append(t, n+1, h, f.ann.ID, fmt.Sprint("old ", n)); refused != store.Accepted {
				t.Errorf("the old node's row %d: %v", n, refused)
			}
		}
	})
	nodes.Go(func() {
		h := start
		for n := range rows {
			res, err := f.s.Append(t.Context(), f.batch(fmt.Sprint("new ", n), h))
			if err != nil || res.Documents[0].Refused != store.Accepted || res.Documents[0].Rows[0].Refused != store.Accepted {
				t.Errorf("the new node's row %d: %+v, %v", n, res, err)
				return
			}
			h = res.Documents[0].Head
		}
	})
	nodes.Wait()
	seen := make(map[string]bool)
	for _, text := range f.rows(t, start.Document) { // which checks numbers and predecessors
		seen[text] = true
	}
	if len(seen) != 2*rows {
		t.Fatalf("%d rows, want %d", len(seen), 2*rows)
	}

	// An epoch that the new node changed is one to the old node too; it goes on when it has reloaded, as leniently as the new one.
	before := f.head(t, start.Document)
	if _, err := f.s.ChangeEpoch(t.Context(), before.Document, before.Epoch); err != nil {
		t.Fatal(err)
	}
	if refused, _ := old.append(t, rows+1, before, f.ann.ID, "of the old epoch"); refused != store.EpochChanged {
		t.Errorf("the old epoch: %v", refused)
	}
	bob, err := f.s.CreateUser(t.Context(), store.User{Email: "bob@example.org", Role: store.RoleMember})
	if err != nil {
		t.Fatal(err)
	}
	after := f.head(t, start.Document)
	refused, after := old.append(t, rows+2, after, bob.ID, "under ann's client")
	if refused != store.Accepted {
		t.Errorf("another's client in a lenient document: %v", refused)
	}
	if refused, h := old.append(t, rows+3, after, f.ann.ID, "of the new epoch"); refused != store.Accepted || h.Seq != after.Seq+1 {
		t.Errorf("the new epoch: %v, %+v", refused, h)
	}
}
