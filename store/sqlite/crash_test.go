package sqlite_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/bizsync/bizsync/store"
)

// TestKilled kills a process that appends, again and again: what it was told is committed is there, once each, and the lock died with it.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bizsync.db")
	s := open(t, path)
	ctx := t.Context()
	ann, err := s.CreateUser(ctx, store.User{Email: "ann@example.org", Role: store.RoleMember})
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := s.CreateDocument(ctx, store.Document{Key: "crash", Owner: ann.ID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	acked := uint64(0)
	for round := range 5 {
		acked = appendUntilKilled(t, path, acked+uint64(20+40*round))
		s := open(t, path)
		rows := uint64(0)
		head, err := s.LoadDocument(ctx, doc.ID, store.Loader{
			Binding:  func(store.Binding) error { return nil },
			Snapshot: func(store.Snapshot) error { return nil },
			Row: func(r store.Row) error {
				rows++
				if text := fmt.Sprintf("row %d", rows); r.Seq != rows || string(r.Update) != text {
					t.Errorf("row %d is %q, want %q", r.Seq, r.Update, text)
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if rows < acked || head.Seq != rows {
			t.Fatalf("round %d: %d rows were acknowledged, %d are there, the head is %d", round, acked, rows, head.Seq)
		}
		acked = rows
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// appendUntilKilled lets a child append until it has acknowledged row upTo, kills it, and gives the last row that it acknowledged.
func appendUntilKilled(t *testing.T, path string, upTo uint64) (last uint64) {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); { // what it printed before it died counts too
		if last, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatalf("child said %q", lines.Text())
		}
		if last >= upTo && !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); !killed || err == nil {
		t.Fatalf("child ended by itself: %v\n%s", err, stderr.String())
	}
	return last
}
