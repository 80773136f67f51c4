package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// readers are the connections that read beside the writer. They keep their prepared statements, which database/sql's own pool would make anew for every read, and the one that
// was used last is used next, so that there are no more of them, with their memory, than there have been reads at once.
type readers struct {
	db    *sql.DB
	turns chan struct{} // holds a token for each connection that may be in use

	mu   sync.Mutex
	idle []*connection // guarded by mu
}

func newReaders(dsn string, n int) (*readers, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	r := &readers{db: db, turns: make(chan struct{}, n)}
	for range n {
		r.turns <- struct{}{}
	}
	return r, nil
}

// take waits for a connection; give or drop it.
func (r *readers) take(ctx context.Context) (*connection, error) {
	if err := ctx.Err(); err != nil { // a select would choose either
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.turns:
	}
	if conn := r.pop(); conn != nil {
		return conn, nil
	}
	conn, err := connect(ctx, r.db)
	if err != nil {
		r.turns <- struct{}{}
	}
	return conn, err
}

func (r *readers) pop() *connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.idle)
	if n == 0 {
		return nil
	}
	conn := r.idle[n-1]
	r.idle = r.idle[:n-1]
	return conn
}

func (r *readers) give(conn *connection) {
	r.mu.Lock()
	r.idle = append(r.idle, conn)
	r.mu.Unlock()
	r.turns <- struct{}{}
}

// drop gives a connection up whose state is in doubt.
func (r *readers) drop(conn *connection) {
	conn.drop()
	r.turns <- struct{}{}
}

// close closes the connections. None may be in use.
func (r *readers) close() error {
	var errs []error
	for conn := r.pop(); conn != nil; conn = r.pop() {
		errs = append(errs, conn.release())
	}
	return errors.Join(append(errs, r.db.Close())...)
}
