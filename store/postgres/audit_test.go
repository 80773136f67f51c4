package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// TestAuditAppendOnly: the database refuses whatever would change the audit log, whoever asks it.
func TestAuditAppendOnly(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 0)
	id := uuid.UUID{1}
	if err := f.s.RecordAudit(t.Context(), store.AuditEntry{ID: id, Action: "document.share"}, store.AuditEntry{Action: "document.purge"}); err != nil {
		t.Fatal(err)
	}
	before := storedRows(t, f.url)["audit"]
	conn := connect(t, f.url)
	const row = "('01000000-0000-0000-0000-000000000000', now(), NULL, '', NULL, 'x', '', '', '', '')"
	for _, statement := range []string{
		"UPDATE audit SET detail = ''",
		"UPDATE audit SET at = at - interval '1 day' WHERE action = 'document.share'",
		"UPDATE audit SET detail = '' WHERE false",
		"DELETE FROM audit",
		"DELETE FROM audit WHERE action = 'document.share'",
		"TRUNCATE audit",
		"TRUNCATE audit, requests CASCADE",
		"INSERT INTO audit VALUES " + row + " ON CONFLICT (id) DO UPDATE SET action = 'y'",
		"WITH gone AS (DELETE FROM audit RETURNING 1) SELECT count(*) FROM gone",
	} {
		if _, err := conn.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if diff := cmp.Diff(before, storedRows(t, f.url)["audit"]); diff != "" || len(before) != 2 {
		t.Errorf("of %d entries: %s", len(before), diff)
	}
}
