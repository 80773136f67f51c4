package sqlite_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// TestAuditAppendOnly: the database refuses whatever would change the audit log, whoever asks it.
func TestAuditAppendOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bizsync.db")
	s := open(t, path)
	id := uuid.UUID{1}
	if err := s.RecordAudit(t.Context(), store.AuditEntry{ID: id, Action: "document.share"}, store.AuditEntry{Action: "document.purge"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const row = "(x'01000000000000000000000000000000', 1, NULL, '', NULL, 'x', '', '', '', '')"
	db := raw(t, path)
	for _, statement := range []string{
		"UPDATE audit SET detail = ''",
		"UPDATE audit SET at = at - 1 WHERE action = 'document.share'",
		"UPDATE OR REPLACE audit SET id = x'01000000000000000000000000000000'",
		"UPDATE OR IGNORE audit SET action = ''",
		"DELETE FROM audit",
		"DELETE FROM audit WHERE action = 'document.share'",
		"REPLACE INTO audit VALUES " + row,
		"INSERT OR REPLACE INTO audit VALUES " + row,
		"INSERT INTO audit VALUES " + row + " ON CONFLICT (id) DO UPDATE SET action = 'y'",
	} {
		if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	db.Close()
	s = open(t, path)
	defer s.Close()
	entries, _, err := s.AuditLog(t.Context(), store.AuditQuery{}, store.Page{})
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries are left, %v", len(entries), err)
	}
	for _, e := range entries {
		if e.ID == id && e.Action != "document.share" || e.ID != id && e.Action != "document.purge" {
			t.Errorf("an entry has become %+v", e)
		}
	}
}

// TestAuditManyAlike: actions that begin alike are listed alike, be they few, which are sorted, or many, which are read in the order of time.
func TestAuditManyAlike(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bizsync.db")
	s := open(t, path)
	for _, many := range []int{100, 9_900} {
		exec(t, s, "WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?1)"+
			" INSERT INTO audit SELECT randomblob(16), abs(random() % 1000), NULL, '', NULL, CASE n % 4 WHEN 0 THEN 'documents' WHEN 1 THEN 'document.share' ELSE 'document.create' END, '', '', '', ''"+
			" FROM i", many)
		var listed int
		p, last := store.Page{Limit: 1000}, store.AuditEntry{At: time.Now()}
		for {
			entries, next, err := s.AuditLog(t.Context(), store.AuditQuery{Action: "document.", From: time.UnixMilli(100), To: time.UnixMilli(900)}, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.At.After(last.At) || e.At.Equal(last.At) && bytes.Compare(e.ID[:], last.ID[:]) >= 0 {
					t.Fatalf("%v is listed after %v", e, last)
				}
				last = e
			}
			listed += len(entries)
			if p.Cursor = next; next == "" {
				break
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var want int
		db := raw(t, path)
		if err := db.QueryRow("SELECT count(*) FROM audit WHERE action LIKE 'document.%' AND at BETWEEN 100 AND 899").Scan(&want); err != nil {
			t.Fatal(err)
		}
		db.Close()
		if listed != want {
			t.Errorf("%d entries are listed of %d", listed, want)
		}
		s = open(t, path)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
