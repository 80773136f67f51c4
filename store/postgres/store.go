// Package postgres keeps everything in PostgreSQL: the storage contract of package store for many nodes.
//
// A journal's commits have connections of their own, apart from the pool that serves everything else, so that neither waits for the other. A commit is one round trip: the
// database decides the whole batch itself, and its locks never wait for a node.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bizsync/bizsync/store"
)

// Options tune a Store. The zero value of each field stands for the default that it names.
type Options struct {
	// MaxConns bounds the pool's connections; 10.
	MaxConns int
	// JournalConns bounds the connections of Append and Abandon, which come on top of the pool's; 3: two are at work, one is for going on while another is stuck.
	JournalConns int
	// ConnectTimeout bounds one attempt to connect; 5 s.
	ConnectTimeout time.Duration
	// StatementTimeout ends statements of the pool, LockTimeout their waiting for a lock; 30 s and 5 s.
	StatementTimeout, LockTimeout time.Duration
	// JournalStatementTimeout and JournalLockTimeout are the same for Append and Abandon; 5 s and 250 ms.
	JournalStatementTimeout, JournalLockTimeout time.Duration
	// IdleTransactionTimeout ends a session that began a transaction and then falls silent; 5 s.
	IdleTransactionTimeout time.Duration
	// Limits bound what accounts may add.
	Limits store.Limits
	// Log hears of what an operator should know about the database, such as fsync being off; slog.Default().
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.MaxConns = cmp.Or(max(o.MaxConns, 0), 10)
	o.JournalConns = cmp.Or(max(o.JournalConns, 0), 3)
	for _, d := range []struct {
		option   *time.Duration
		standard time.Duration
	}{
		{&o.ConnectTimeout, 5 * time.Second},
		{&o.StatementTimeout, 30 * time.Second},
		{&o.LockTimeout, 5 * time.Second},
		{&o.JournalStatementTimeout, 5 * time.Second},
		{&o.JournalLockTimeout, 250 * time.Millisecond},
		{&o.IdleTransactionTimeout, 5 * time.Second},
	} {
		*d.option = cmp.Or(max(*d.option, 0), d.standard)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Store is the PostgreSQL implementation of store.Store.
type Store struct {
	pool    *pgxpool.Pool // everything but
	journal *pgxpool.Pool // Append and Abandon
	limits  store.Limits
	watch   *pgxpool.Pool // what rooms ask all the time, so that they don't fall behind when the pool is exhausted
}

// watchConns bounds the connections of watch.
const watchConns = 2

var _ store.Store = (*Store)(nil)

// Open connects to the database that url names (postgres://user:password@host:port/database, or any other form that libpq knows) and brings its schema up to date, which any
// number of nodes may do at once. Errors say what the operator can change; none holds the password. A database that is one migration newer than this program is used as it
// is: migrations leave the nodes of the version before at work.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s, err := open(ctx, url, o.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, url string, o Options) (*Store, error) {
	if err := migrateUp(ctx, url, o); err != nil {
		return nil, err
	}
	config, err := parse(url, o)
	if err != nil {
		return nil, err
	}
	s := &Store{limits: o.Limits.WithDefaults()}
	if s.pool, err = newPool(ctx, config, o.MaxConns, o.poolSession()); err != nil {
		return nil, err
	}
	if s.journal, err = newPool(ctx, config, o.JournalConns, o.journalSession()); err != nil {
		s.pool.Close()
		return nil, err
	}
	if s.watch, err = newPool(ctx, config, watchConns, o.poolSession()); err != nil {
		s.pool.Close()
		s.journal.Close()
		return nil, err
	}
	err = s.check(ctx, o)
	if err == nil {
		err = s.seedFault(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// check looks at what would make promises untrue, or trouble later.
func (s *Store) check(ctx context.Context, o Options) error {
	conn, err := s.journal.Acquire(ctx)
	if err != nil {
		return explain(unavailable(fmt.Errorf("connect for appends: %w", err)))
	}
	defer conn.Release()
	var fsync, fullPages, readOnly string
	err = conn.QueryRow(ctx, "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('transaction_read_only')").
		Scan(&fsync, &fullPages, &readOnly)
	if err != nil {
		return explain(unavailable(fmt.Errorf("read settings: %w", err)))
	}
	if readOnly == "on" {
		return fmt.Errorf("%w: the database is read-only: name the primary server, or set default_transaction_read_only off", store.ErrUnavailable)
	}
	if fsync == "off" || fullPages == "off" {
		o.Log.Warn("the database may lose saved edits when its machine fails: set fsync and full_page_writes on", "fsync", fsync, "full_page_writes", fullPages)
	}
	return checkConnections(ctx, conn.Conn(), o)
}

// checkConnections compares what this node may open with what the database takes, of all nodes and of everybody else together: too few for the journal, for following rooms
// and for one request at a time is no start, since nothing would be saved, or no revocation seen, as soon as all are needed at once.
func checkConnections(ctx context.Context, conn *pgx.Conn, o Options) error {
	var limit int
	// Superusers are held to the server's limit only.
	err := conn.QueryRow(ctx, `
		SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
			CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN r.rolconnlimit END,
			CASE WHEN d.datconnlimit >= 0 AND NOT r.rolsuper THEN d.datconnlimit END)
		FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()`).Scan(&limit)
	if err != nil {
		return explain(unavailable(fmt.Errorf("read connection limits: %w", err)))
	}
	fixed := o.JournalConns + watchConns
	if least := fixed + 1; limit < least {
		return fmt.Errorf("%w: the database takes %d connections, and a node needs at least %d: %s", store.ErrUnavailable, limit, least, raiseConnections)
	}
	if most := o.MaxConns + fixed; limit < most {
		o.Log.Warn("the database takes fewer connections than this node may open: "+raiseConnections+", or make the pool smaller", "limit", limit, "needed", most)
	}
	return nil
}

// Ping says whether the database answers reads.
func (s *Store) Ping(ctx context.Context) error {
	err := s.query(ctx, func(t *tx) error {
		return t.row("SELECT 1 FROM (SELECT count(*) FROM secrets) s").Scan(new(int))
	})
	if err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Secret gives the stored secret of that name, or stores candidate as it.
func (s *Store) Secret(ctx context.Context, name string, candidate []byte) ([]byte, error) {
	if candidate == nil {
		candidate = []byte{}
	}
	var secret []byte
	err := s.write(ctx, func(t *tx) error {
		// Another node's candidate that is not committed yet makes this one wait.
		if err := t.exec("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, candidate); err != nil {
			return err
		}
		return t.row("SELECT value FROM secrets WHERE name = $1", name).Scan(&secret)
	})
	if err != nil {
		return nil, fmt.Errorf("read secret %q: %w", name, err)
	}
	return secret, nil
}

// Close waits for what is in progress and closes all connections. Calls that come later fail with store.ErrUnavailable.
func (s *Store) Close() error {
	s.journal.Close()
	s.watch.Close()
	s.pool.Close()
	return nil
}
