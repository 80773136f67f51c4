package postgres_test

import (
	"math"
	"testing"
	"time"
)

// TestStatisticsOfLargeTables: large tables are estimated, within some percent as soon as the server has looked at them.
func TestStatisticsOfLargeTables(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 0)
	for _, statement := range []string{
		"INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at)" +
			" SELECT gen_random_uuid(), n, n, repeat('x', 1500), 'member', '', now(), now() FROM generate_series(1, 12000) n",
		"INSERT INTO documents (id, title, title_key, owner, created_at, deleted_at)" +
			" SELECT gen_random_uuid(), repeat('x', 1500), '', (SELECT id FROM users LIMIT 1), now(), CASE WHEN n % 10 = 0 THEN now() END FROM generate_series(1, 12000) n",
		"INSERT INTO updates (document, seq, id, prev, author, created_at, size, data)" +
			" SELECT gen_random_uuid(), n, n, n - 1, gen_random_uuid(), now(), 0, decode(repeat('00', 300), 'hex') FROM generate_series(1, 60000) n",
	} {
		behind(t, f.url, statement)
	}
	near := func(within float64) {
		t.Helper()
		began := time.Now()
		st, err := f.s.Statistics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v in %v", st, time.Since(began))
		for what, c := range map[string]struct{ got, want int }{
			"users": {st.Users, 12_001}, "documents": {st.Documents, 10_800}, "in the trash": {st.Trashed, 1_200}, "log": {int(st.LogRows), 60_000},
		} {
			if off := math.Abs(float64(c.got-c.want)) / float64(c.want); off > within {
				t.Errorf("%s: estimated at %d, there are %d", what, c.got, c.want)
			}
		}
	}
	behind(t, f.url, "ANALYZE users, documents, updates")
	near(0.15)
	// Between two looks of the server, growth is seen by the size on disk.
	behind(t, f.url, "INSERT INTO updates (document, seq, id, prev, author, created_at, size, data)"+
		" SELECT gen_random_uuid(), n, n, n - 1, gen_random_uuid(), now(), 0, decode(repeat('00', 300), 'hex') FROM generate_series(1, 60000) n")
	st, err := f.s.Statistics(t.Context())
	if err != nil || st.LogRows < 108_000 || st.LogRows > 132_000 {
		t.Errorf("120000 rows are estimated at %d, %v", st.LogRows, err)
	}
	if st.LogBytes < 64<<20 {
		t.Errorf("the database has %d bytes", st.LogBytes)
	}
}
