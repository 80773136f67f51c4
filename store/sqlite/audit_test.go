package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

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
