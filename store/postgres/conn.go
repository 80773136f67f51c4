package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/bizsync/bizsync/store"
)

// minVersion is the oldest server that is supported, as server_version_num says it.
const minVersion = 140000

// A peer that vanished without a word is noticed within about deadPeer, by either side.
const (
	keepAliveIdle     = 4 * time.Second
	keepAliveInterval = 2 * time.Second
	keepAliveCount    = 3
	deadPeer          = keepAliveIdle + keepAliveCount*keepAliveInterval
)

// session is what a connection sets for itself.
type session map[string]string

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10) // 0 would be no limit
}

func (o Options) session(statement, lock time.Duration) session {
	return session{
		"application_name":                    "bizsync",
		"statement_timeout":                   milliseconds(statement),
		"lock_timeout":                        milliseconds(lock),
		"idle_in_transaction_session_timeout": milliseconds(o.IdleTransactionTimeout),
		"default_transaction_isolation":       "read committed",
		"tcp_keepalives_idle":                 strconv.Itoa(int(keepAliveIdle / time.Second)),
		"tcp_keepalives_interval":             strconv.Itoa(int(keepAliveInterval / time.Second)),
		"tcp_keepalives_count":                strconv.Itoa(keepAliveCount),
		"tcp_user_timeout":                    milliseconds(deadPeer),
	}
}

func (o Options) poolSession() session { return o.session(o.StatementTimeout, o.LockTimeout) }

func (o Options) journalSession() session {
	s := o.session(o.JournalStatementTimeout, o.JournalLockTimeout)
	s["application_name"] = "bizsync journal"
	s["enable_seqscan"] = "off" // plans are kept: one that was made when tables were small must not scan them when they have grown
	s["jit"] = "off"
	return s
}

// parse reads a database URL. Its errors don't hold the password.
func parse(url string, o Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the database URL can't be read (it looks like postgres://user:password@host:5432/database): %w", err)
	}
	config.ConnConfig.ConnectTimeout = o.ConnectTimeout
	dialer := &net.Dialer{
		Control: dialControl,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
		},
	}
	config.ConnConfig.DialFunc = dialer.DialContext
	return config, nil
}

// newPool makes a pool, which connects when it is used.
func newPool(ctx context.Context, config *pgxpool.Config, size int, params session) (*pgxpool.Pool, error) {
	config = config.Copy()
	config.MaxConns = int32(min(size, 10_000))
	config.MinConns, config.MinIdleConns = 0, 0
	for name, value := range params {
		config.ConnConfig.RuntimeParams[name] = value
	}
	config.AfterConnect = prepare
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, fmt.Errorf("make a pool of connections: %w", err)
	}
	return pool, nil
}

// prepare is done on each new connection: it refuses servers that are too old, and sees to it that a commit that is told is on disk, here and on a standby that
// the operator wants to wait for. What is stricter stays.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var text, commit string
	err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('synchronous_commit')").
		Scan(&version, &text, &commit)
	if err != nil {
		return fmt.Errorf("read server version: %w", err)
	}
	if err := checkVersion(version, text); err != nil {
		return err
	}
	if commit != "on" && commit != "remote_apply" {
		if _, err := conn.Exec(ctx, "SET synchronous_commit = on"); err != nil {
			return fmt.Errorf("set synchronous_commit: %w", err)
		}
	}
	return nil
}

var errTooOld = errors.New("the database server is too old")

func checkVersion(version int, text string) error {
	if version < minVersion {
		return fmt.Errorf("%w: it is PostgreSQL %s, and %d or newer is needed", errTooOld, text, minVersion/10000)
	}
	return nil
}

// tx is a transaction in progress. It carries the context of its statements, as it lives no longer than one call.
type tx struct {
	ctx context.Context
	tx  querier
}

// querier is a transaction, or the pool, where every statement is a transaction of its own.
type querier interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.tx.Exec(t.ctx, query, args...)
	return err
}

// changed runs a statement and says how many rows it touched.
func (t *tx) changed(query string, args ...any) (int, error) {
	tag, err := t.tx.Exec(t.ctx, query, args...)
	return int(tag.RowsAffected()), err
}

// each calls f for every row of a query. The transaction can run nothing else meanwhile.
func (t *tx) each(f func(pgx.Rows) error, query string, args ...any) error {
	rows, err := t.tx.Query(t.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scanner is one row of a query.
type scanner interface{ Scan(dest ...any) error }

// row runs a query of one row; its Scan gives store.ErrNotFound when there is none.
func (t *tx) row(query string, args ...any) scanner {
	return oneRow{t.tx.QueryRow(t.ctx, query, args...)}
}

type oneRow struct{ row pgx.Row }

func (r oneRow) Scan(dest ...any) error {
	if err := r.row.Scan(dest...); !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return store.ErrNotFound
}

// rollbackLimit bounds how long undoing a transaction may take before its connection is dropped, which undoes it too.
const rollbackLimit = 2 * time.Second

// transact runs f in a transaction of a pool.
func transact(ctx context.Context, pool *pgxpool.Pool, o pgx.TxOptions, f func(*tx) error) error {
	begun, err := pool.BeginTx(ctx, o)
	if err != nil && stale(err) && ctx.Err() == nil {
		pool.Reset() // the others that lie there are no better
		begun, err = pool.BeginTx(ctx, o)
	}
	if err != nil {
		return asUnavailable(fmt.Errorf("begin: %w", err)) // nothing was done, whatever the reason
	}
	open := true
	defer func() { // also when f panics
		if open {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackLimit)
			defer cancel()
			_ = begun.Rollback(ctx) // a connection that can't do that is dropped by the pool
		}
	}()
	if err := f(&tx{ctx: ctx, tx: begun}); err != nil {
		return unavailable(err)
	}
	open = false
	if err := begun.Commit(ctx); err != nil {
		return commitError(err)
	}
	return nil
}

// write runs f in one writing transaction and commits it durably. An error of the COMMIT that leaves its outcome open wraps store.ErrUncertain.
func (s *Store) write(ctx context.Context, f func(*tx) error) error {
	return transact(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}, f)
}

// read runs f in one consistent read.
func (s *Store) read(ctx context.Context, f func(*tx) error) error {
	return transact(ctx, s.pool, consistentRead(), f)
}

func consistentRead() pgx.TxOptions {
	return pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
}

// query runs f, which reads with one statement and can be run again, without the round trips of a transaction.
func (s *Store) query(ctx context.Context, f func(*tx) error) error { return query(ctx, s.pool, f) }

func query(ctx context.Context, pool *pgxpool.Pool, f func(*tx) error) error {
	t := &tx{ctx: ctx, tx: pool}
	err := f(t)
	if err != nil && stale(err) && ctx.Err() == nil {
		pool.Reset()
		err = f(t)
	}
	return unavailable(err)
}
