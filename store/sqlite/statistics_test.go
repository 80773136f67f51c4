package sqlite_test

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store/sqlite"
)

// fillLog adds so many rows to a log, in places from first on.
const fillLog = "WITH RECURSIVE i (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM i WHERE n < ?1 + ?2 - 1)" +
	" INSERT INTO updates SELECT n, zeroblob(16), n, n - 1, n, 0, zeroblob(16), 0, zeroblob(200) FROM i"

// TestLogRowsEstimated: a long log is estimated, also when sweeps have thinned it out, and one that is nearly empty is counted however far its places go.
func TestLogRowsEstimated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bizsync.db")
	db := raw(t, path)
	defer db.Close()
	if err := sqlite.MigrateUp(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	exact := func(within float64) {
		t.Helper()
		var rows int64
		if err := db.QueryRow("SELECT count(*) FROM updates").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		s := open(t, path)
		defer s.Close()
		began := time.Now()
		st, err := s.Statistics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d rows, estimated at %d in %v", rows, st.LogRows, time.Since(began))
		if off := math.Abs(float64(st.LogRows-rows)) / float64(rows); off > within {
			t.Errorf("%d rows are estimated at %d", rows, st.LogRows)
		}
	}
	do := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	do(fillLog, 1, 10_000)
	exact(0)
	do("DELETE FROM updates WHERE n % 10 > 3")
	exact(0)
	do(fillLog, 10_001, 390_000)
	exact(0.05)
	do("DELETE FROM updates WHERE n % 7 < 3 AND n > 20000")
	exact(0.05)
	do("DELETE FROM updates WHERE n < 200000 AND n % 1000 <> 0") // swept, but for a few
	exact(0.05)
	do("DELETE FROM updates WHERE n <> 1000")
	do(fillLog, 1_000_000, 5)
	exact(0)
}
