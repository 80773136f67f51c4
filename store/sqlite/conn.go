package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	sqlitedriver "modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/bizsync/bizsync/store"
)

var errClosed = errors.New("database is closed")

// unavailable marks failures that are nobody's fault but the database's, or the caller's own patience: none says that the statement was wrong.
func unavailable(err error) error {
	var e *sqlitedriver.Error
	switch {
	case err == nil, errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrUncertain):
		return err
	case errors.Is(err, errClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.As(err, &e):
		switch e.Code() & 0xff {
		case sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_READONLY, sqlitelib.SQLITE_CANTOPEN,
			sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED, sqlitelib.SQLITE_NOMEM, sqlitelib.SQLITE_PERM:
		default:
			return err
		}
	default:
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// connection is a connection of its holder's alone, with its prepared statements.
type connection struct {
	*sql.Conn
	stmts  map[string]*sql.Stmt
	direct direct
}

func connect(ctx context.Context, db *sql.DB) (*connection, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: connect: %w", store.ErrUnavailable, err)
	}
	return &connection{Conn: conn, stmts: make(map[string]*sql.Stmt), direct: direct{conn: conn, stmts: make(map[string]driver.Stmt)}}, nil
}

// release closes the statements and gives the connection back to database/sql.
func (c *connection) release() error {
	var errs []error
	for _, stmt := range c.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, c.direct.close(), c.Close())...)
}

// drop closes a connection whose state is in doubt.
func (c *connection) drop() {
	_ = c.direct.close()
	// Raw with ErrBadConn keeps it out of the pool; its error says just that.
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.Close()
}

// writer is the one connection that writes.
type writer struct {
	db     *sql.DB
	memory bool          // the database is the connection: it must never be dropped
	turn   chan struct{} // holds one token; whoever has it may use what follows
	closed bool
	conn   *connection // nil after a failure that left it doubtful: made anew at the next turn
	memo   *memo
}

func newWriter(ctx context.Context, dsn string, memory bool) (*writer, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	w := &writer{db: db, memory: memory, turn: make(chan struct{}, 1), memo: newMemo()}
	if err := w.connect(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	w.turn <- struct{}{}
	return w, nil
}

func (w *writer) connect(ctx context.Context) (err error) {
	w.conn, err = connect(ctx, w.db)
	w.memo.forget()
	return err
}

// take waits for the writer's turn.
func (w *writer) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil { // a select would choose either
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.turn:
	}
	err := errClosed
	if !w.closed {
		if w.conn != nil {
			return nil
		}
		err = w.connect(ctx)
	}
	if err != nil {
		w.give()
	}
	return err
}

func (w *writer) give() { w.turn <- struct{}{} }

// drop closes a connection whose state is in doubt.
func (w *writer) drop() {
	if w.memory || w.conn == nil {
		return
	}
	w.conn.drop()
	w.conn = nil
}

func (w *writer) close() error {
	<-w.turn
	defer w.give()
	if w.closed {
		return nil
	}
	w.closed = true
	var err error
	if w.conn != nil {
		err = w.conn.release()
	}
	return errors.Join(err, w.db.Close())
}

// tx is a transaction in progress. It carries contexts, as it lives no longer than one call: that of the call, and one that never ends for the statements. An
// interrupted one would leave the connection in doubt, and each would cost a goroutine.
type tx struct {
	call context.Context
	ctx  context.Context
	conn *connection
	memo *memo // of a writing transaction
}

func newTx(ctx context.Context, conn *connection, memo *memo) *tx {
	return &tx{call: ctx, ctx: context.WithoutCancel(ctx), conn: conn, memo: memo}
}

func (t *tx) prepared(query string) (*sql.Stmt, error) {
	if stmt := t.conn.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.conn.stmts[query] = stmt
	return stmt, nil
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.conn.direct.exec(t.ctx, query, args...)
	return err
}

// changed runs a statement and says how many rows it touched.
func (t *tx) changed(query string, args ...any) (int, error) {
	r, err := t.conn.direct.exec(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// each calls f for every row of a query.
func (t *tx) each(f func(*sql.Rows) error, query string, args ...any) error {
	stmt, err := t.prepared(query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := t.call.Err(); err != nil {
			return err
		}
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scanner is one row of a query: *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// failed is a row that could not be asked for.
type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }

// row runs a query of one row; its Scan gives store.ErrNotFound when there is none.
func (t *tx) row(query string, args ...any) scanner {
	stmt, err := t.prepared(query)
	if err != nil {
		return failed{err}
	}
	return oneRow{stmt.QueryRowContext(t.ctx, args...)}
}

type oneRow struct{ row *sql.Row }

func (r oneRow) Scan(dest ...any) error {
	if err := r.row.Scan(dest...); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return store.ErrNotFound
}

// write runs f in one writing transaction and commits it durably. Whatever fails before the COMMIT is undone; an error of the COMMIT itself wraps
// store.ErrUncertain, since its last page may have reached the disk.
//
// ctx counts while waiting for the turn, at every row of a query, and once more before the COMMIT.
func (s *Store) write(ctx context.Context, f func(*tx) error) error {
	return unavailable(s.writer.transact(ctx, f, nil))
}

// writeBeside is write for a transaction that changes nothing that the writer's memo may hold, or puts that right in the memo itself.
func (s *Store) writeBeside(ctx context.Context, f func(*tx) error) error {
	return unavailable(s.writer.transact(ctx, f, func(*memo) {}))
}

// transact runs f in a transaction, and then keeps, which tells the memo what has been committed. Without keeps, the memo has to forget.
func (w *writer) transact(ctx context.Context, f func(*tx) error, keeps func(*memo)) error {
	if err := w.take(ctx); err != nil {
		return err
	}
	defer w.give()
	t := newTx(ctx, w.conn, w.memo)
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		w.drop()
		return fmt.Errorf("begin: %w", err)
	}
	open := true
	defer func() { // also when f panics
		if open {
			w.memo.forget()
			if err := t.exec("ROLLBACK"); err != nil {
				w.drop()
			}
		}
	}()
	version, err := t.conn.direct.dataVersion()
	if err != nil {
		return fmt.Errorf("read data version: %w", err)
	}
	if version != w.memo.version {
		w.memo.forget()
		w.memo.version = version
	}
	if err := f(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.exec("COMMIT"); err != nil {
		open = false
		w.memo.forget()
		_ = t.exec("ROLLBACK") // fails when SQLite has rolled back by itself
		w.drop()
		return fmt.Errorf("commit: %w: %w", store.ErrUncertain, err)
	}
	open = false
	if keeps == nil {
		w.memo.forget()
		return nil
	}
	keeps(w.memo)
	if w.memo.version, err = t.conn.direct.dataVersion(); err != nil {
		w.memo.forget() // it is committed all the same
	}
	return nil
}

// read runs f in one consistent read.
func (s *Store) read(ctx context.Context, f func(*tx) error) error {
	return unavailable(s.readOnce(ctx, f))
}

func (s *Store) readOnce(ctx context.Context, f func(*tx) error) error {
	if err := s.beginRead(); err != nil {
		return err
	}
	defer s.reads.Done()
	if s.readers == nil {
		if err := s.writer.take(ctx); err != nil {
			return err
		}
		defer s.writer.give()
		return f(newTx(ctx, s.writer.conn, nil))
	}
	conn, err := s.readers.take(ctx)
	if err != nil {
		return err
	}
	t := newTx(ctx, conn, nil)
	begun := false
	defer func() { // also when f panics
		if begun && t.exec("ROLLBACK") == nil {
			s.readers.give(conn)
		} else {
			s.readers.drop(conn)
		}
	}()
	if err := t.exec("BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	begun = true
	return f(t)
}

// violates says whether err is a breach of one of these constraints (extended result codes of SQLite).
func violates(err error, codes ...int) bool {
	var e *sqlitedriver.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code() == code {
			return true
		}
	}
	return false
}

// taken says whether err is a breach of uniqueness.
func taken(err error) bool {
	return violates(err, sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// chunkSizes are the sizes in which statements of many rows are prepared: few forms, few calls.
var chunkSizes = [...]int{64, 16, 4, 1}

// chunks cuts 0..n into pieces of those sizes.
func chunks(n int, f func(from, size int) error) error {
	for from := 0; from < n; {
		for _, size := range chunkSizes {
			if from+size <= n {
				if err := f(from, size); err != nil {
					return err
				}
				from += size
				break
			}
		}
	}
	return nil
}

// repeated gives n times s with commas between.
func repeated(s string, n int) string {
	return strings.TrimSuffix(strings.Repeat(s+", ", n), ", ")
}
