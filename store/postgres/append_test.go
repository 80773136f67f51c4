package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
)

// definite: the error says that this call committed nothing, and that the database is well.
func definite(t *testing.T, err error, code string) {
	t.Helper()
	var e *pgconn.PgError
	if err == nil || errors.Is(err, store.ErrUncertain) || errors.Is(err, store.ErrUnavailable) || !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error is %v, want a definite one of code %s", err, code)
	}
}

func wants(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error is %v, want %v", err, target)
	}
	for _, other := range []error{store.ErrUncertain, store.ErrUnavailable} {
		if !errors.Is(target, other) && errors.Is(err, other) {
			t.Fatalf("error is %v as well as %v", err, other)
		}
	}
}

// locked holds a document's head until the function that it gives is called.
func locked(t *testing.T, url string, id store.DocumentID) (release func()) {
	t.Helper()
	conn := connect(t, url)
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), "SELECT FROM heads WHERE document = $1 FOR UPDATE", id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// waiting waits until a session of that name waits for a lock, and gives its process.
func waiting(t *testing.T, url, application string) (pid int) {
	t.Helper()
	conn := connect(t, url)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 AND wait_event_type = 'Lock'",
			application).Scan(&pid)
		if err == nil {
			return pid
		}
		if !errors.Is(err, pgx.ErrNoRows) || time.Now().After(deadline) {
			t.Fatalf("no session %q waits for a lock: %v", application, err)
		}
	}
}

const journal = "bizsync journal"

func TestLockedHead(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 2)
	release := locked(t, f.url, f.heads[0].Document)
	both := f.batch("both", f.heads...)
	began := time.Now()
	_, err := f.s.Append(t.Context(), both)
	definite(t, err, "55P03")
	if d := time.Since(began); d < 200*time.Millisecond || d > 5*time.Second {
		t.Fatalf("waited %v for the head, want 250 ms", d)
	}
	// The others go on.
	if _, err := f.s.Append(t.Context(), f.batch("other", f.heads[1])); err != nil {
		t.Fatal(err)
	}
	release()
	res, err := f.s.Append(t.Context(), both)
	if err != nil || res.AlreadyCommitted || res.Documents[0].Rows[0].Seq != 1 || res.Documents[1].Rows[0].Seq != 2 || len(res.Documents[1].Foreign) != 1 {
		t.Fatalf("after the lock: %+v, %v", res, err)
	}
}

// TestServerErrors: what the server undoes is definite, and the same batch can be tried again.
func TestServerErrors(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 1)
	for _, c := range []struct {
		code, raise string
		unavailable bool
	}{
		{"40001", "serialization_failure", false},
		{"40P01", "deadlock_detected", false},
		{"53100", "disk_full", true},
		{"53200", "out_of_memory", true},
		{"58030", "io_error", true},
		{"23514", "check_violation", false},
	} {
		t.Run(c.raise, func(t *testing.T) {
			behind(t, f.url, "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "+c.raise+"; END $$")
			behind(t, f.url, "CREATE TRIGGER fail BEFORE INSERT ON updates FOR EACH ROW EXECUTE FUNCTION fail()")
			h := f.head(t, f.heads[0].Document)
			b := f.batch(c.raise, h)
			_, err := f.s.Append(t.Context(), b)
			if c.unavailable {
				wants(t, err, store.ErrUnavailable)
			} else {
				definite(t, err, c.code)
			}
			behind(t, f.url, "DROP TRIGGER fail ON updates")
			// A failure that comes only with the COMMIT is undone as well.
			behind(t, f.url, "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON updates DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()")
			if _, err = f.s.Append(t.Context(), b); c.unavailable {
				wants(t, err, store.ErrUnavailable)
			} else {
				definite(t, err, c.code)
			}
			behind(t, f.url, "DROP TRIGGER fail ON updates")
			if now := f.head(t, h.Document); now != h {
				t.Fatalf("head is %+v, want %+v", now, h)
			}
			if res, err := f.s.Append(t.Context(), b); err != nil || res.AlreadyCommitted {
				t.Fatalf("once more: %+v, %v", res, err)
			}
		})
	}
}

// begin runs an Append beside the test.
func (f *fixture) begin(ctx context.Context, b store.Batch) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := f.s.Append(ctx, b)
		done <- err
	}()
	return done
}

func TestCancelledByTheServer(t *testing.T) {
	o := quiet()
	o.JournalLockTimeout = time.Minute
	o.JournalStatementTimeout = time.Minute
	f := newFixture(t, shared.database(t), o, 1)
	for call, class := range map[string]func(error){
		"pg_cancel_backend":    func(err error) { definite(t, err, "57014") },
		"pg_terminate_backend": func(err error) { wants(t, err, store.ErrUnavailable) },
	} {
		h := f.head(t, f.heads[0].Document)
		b := f.batch(call, h)
		release := locked(t, f.url, h.Document)
		done := f.begin(t.Context(), b)
		behind(t, f.url, fmt.Sprintf("SELECT %s(%d)", call, waiting(t, f.url, journal)))
		class(<-done)
		release()
		res, err := f.s.Append(t.Context(), b)
		if err != nil || res.AlreadyCommitted || res.Documents[0].Rows[0].Seq != h.Seq+1 {
			t.Fatalf("after %s the same key gives %+v, %v", call, res, err)
		}
	}
}

// TestKeyAtWork repeats and abandons a batch whose first call is still at work: nobody may say what becomes of it before it ends.
func TestKeyAtWork(t *testing.T) {
	slow := quiet()
	slow.JournalLockTimeout = time.Minute
	slow.JournalStatementTimeout = time.Minute
	url := shared.database(t)
	f := newFixture(t, url, slow, 1)
	other := open(t, url)
	defer other.Close()

	b := f.batch("once", f.heads[0])
	release := locked(t, url, f.heads[0].Document)
	done := f.begin(t.Context(), b)
	waiting(t, url, journal)
	_, err := other.Append(t.Context(), b)
	wants(t, err, store.ErrUncertain)
	if committed, err := other.Abandon(t.Context(), b.Key); err == nil || committed {
		t.Fatalf("a batch at work was settled: committed is %v", committed)
	}
	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if res, err := other.Append(t.Context(), b); err != nil || !res.AlreadyCommitted {
		t.Fatalf("after its end: %+v, %v", res, err)
	}

	// A call whose caller has gone, and that ends without a commit: whoever abandons it waits for that, and it never comes back.
	lost := f.batch("never", f.head(t, f.heads[0].Document))
	release = locked(t, url, f.heads[0].Document)
	ctx, cancel := context.WithCancel(t.Context())
	done = f.begin(ctx, lost)
	waiting(t, url, journal)
	cancel()
	if err := <-done; !errors.Is(err, store.ErrUncertain) && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		committed, err := f.s.Abandon(t.Context(), lost.Key)
		if err == nil {
			if committed {
				t.Fatal("committed without the lock")
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	release()
	_, err = f.s.Append(t.Context(), lost)
	wants(t, err, store.ErrAbandoned)
	if rows := f.rows(t, f.heads[0].Document); len(rows) != 1 {
		t.Fatalf("rows %q", rows)
	}
}

// A document whose head is held by somebody else holds up no other, and is told.
func TestBusyHead(t *testing.T) {
	url := shared.database(t)
	f := newFixture(t, url, quiet(), 3)
	release := locked(t, url, f.heads[1].Document)
	b := f.batch("1", f.heads...)
	b.NoWait = true
	first, err := f.s.Append(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	release()
	again, err := f.s.Append(t.Context(), b)
	if err != nil || !again.AlreadyCommitted {
		t.Fatalf("%+v, %v", again, err)
	}
	for _, res := range []store.Result{first, again} {
		for i, want := range []store.Refusal{store.Accepted, store.Busy, store.Accepted} {
			if d := res.Documents[i]; d.Refused != want || d.Rows[0].Refused != want {
				t.Errorf("document %d: %+v, want %v", i, d, want)
			}
		}
	}
	if rows := f.rows(t, f.heads[1].Document); len(rows) != 0 {
		t.Errorf("rows %q of the busy one", rows)
	}
	later := f.batch("2", f.heads[1])
	later.NoWait = true
	if res, err := f.s.Append(t.Context(), later); err != nil || res.Documents[0].Rows[0].Seq != 1 {
		t.Errorf("%+v, %v", res, err)
	}
	unknown := f.batch("3", store.Head{Document: store.NewID()})
	unknown.NoWait = true
	if res, err := f.s.Append(t.Context(), unknown); err != nil || res.Documents[0].Refused != store.DocumentGone {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestPoolExhausted(t *testing.T) {
	o := quiet()
	o.MaxConns = 1
	f := newFixture(t, shared.database(t), o, 1)
	if _, err := f.s.Append(t.Context(), f.batch("1", f.heads[0])); err != nil {
		t.Fatal(err)
	}
	rows := 0
	_, err := f.s.LoadDocument(t.Context(), f.heads[0].Document, store.Loader{
		Binding: func(store.Binding) error { return nil },
		Row: func(store.Row) error {
			rows++
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, _, err := f.s.Users(ctx, store.Page{Limit: 1})
			wants(t, err, store.ErrUnavailable)
			// Neither commits nor rooms that compare heads wait for others.
			if _, err := f.s.Heads(t.Context(), []store.DocumentID{f.heads[0].Document}); err != nil {
				t.Error(err)
			}
			_, err = f.s.Append(t.Context(), f.batch("2", f.heads[0]))
			return err
		},
	})
	if err != nil || rows != 1 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	if got := f.rows(t, f.heads[0].Document); len(got) != 2 {
		t.Fatalf("rows %q", got)
	}
}

func TestReadOnlyDatabase(t *testing.T) {
	f := newFixture(t, shared.database(t), quiet(), 1)
	b := f.batch("1", f.heads[0])
	// A primary that turns into a standby ends its sessions.
	const end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	conn := connect(t, f.url)
	var name string
	if err := conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	behind(t, f.url, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	behind(t, f.url, end)
	for tries := 0; ; tries++ { // the first that meets a session that was ended may not know what became of it
		_, err := f.s.Append(t.Context(), b)
		var e *pgconn.PgError
		if errors.As(err, &e) && e.Code == "25006" {
			wants(t, err, store.ErrUnavailable)
			break
		}
		if err == nil || tries == 5 {
			t.Fatalf("a read-only database: %v", err)
		}
	}
	_, err := postgres.Open(t.Context(), f.url, quiet())
	wants(t, err, store.ErrUnavailable)
	shared.exec(t, "postgres", "ALTER DATABASE "+name+" RESET default_transaction_read_only")
	shared.exec(t, name, end)
	for tries := 0; ; tries++ { // it heals
		res, err := f.s.Append(t.Context(), b)
		if err == nil {
			if res.Documents[0].Rows[0].Seq != 1 {
				t.Fatalf("%+v", res)
			}
			return
		}
		if tries == 5 {
			t.Fatal(err)
		}
	}
}
