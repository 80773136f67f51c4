package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// Errors of Import. None of them changes anything.
var (
	// ErrNotEmpty: the database has data that is not that of the import.
	ErrNotEmpty = errors.New("the database has other data")
	// ErrSourceChanged: what is to be imported was imported before, and is not the same any more.
	ErrSourceChanged = errors.New("the source has changed since it was imported")
	// ErrInUse: nodes are at work on the database.
	ErrInUse = errors.New("nodes are at work on the database")
)

// Import fills an empty database, which it brings to the newest schema, with tables from elsewhere, given in an order in which none refers to a later one. It is one
// transaction: whatever ends it early leaves nothing behind. already says that exactly these rows were imported before: then it changes nothing, whatever has become of them
// since. source is noted for the operator. progress hears of every row: how many of a table are done.
func Import(ctx context.Context, url string, o Options, source string, tables []store.Table, progress func(t store.Table, done int)) (already bool, err error) {
	o = o.withDefaults()
	if err := migrateUp(ctx, url, o); err != nil {
		return false, fmt.Errorf("import: %w", err)
	}
	err = withDriver(ctx, url, o, func(d *driver) error { // a connection of its own, whose statements may last
		schema, err := d.schema()
		if err != nil {
			return err
		}
		if schema.Version > schema.Latest {
			return fmt.Errorf("%w: version %d, known is %d", ErrNewerSchema, schema.Version, schema.Latest)
		}
		i := &importer{ctx: ctx, conn: d.conn, source: source, tables: tables, digest: sha256.New(), progress: progress}
		already, err = i.run(o.LockTimeout)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("import: %w", err)
	}
	return already, nil
}

// importer is one run of Import.
type importer struct {
	ctx      context.Context
	conn     *pgx.Conn
	source   string
	tables   []store.Table
	digest   hash.Hash // of all rows
	progress func(store.Table, int)
}

func (i *importer) run(patience time.Duration) (already bool, err error) {
	// Nodes that are at work on what was imported long ago are not kept waiting.
	if already, err := i.before(&tx{ctx: i.ctx, tx: i.conn}); already || err != nil {
		return already, err
	}
	begun, err := i.conn.Begin(i.ctx)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = begun.Rollback(context.WithoutCancel(i.ctx)) }() // after the commit it does nothing
	t := &tx{ctx: i.ctx, tx: begun}
	names := make([]string, len(i.tables))
	for k, table := range i.tables {
		names[k] = pgx.Identifier{table.Name}.Sanitize()
	}
	err = t.exec("SET LOCAL lock_timeout = " + milliseconds(patience) + "; SET LOCAL idle_in_transaction_session_timeout = 0")
	if err == nil {
		// Readers go on; whoever writes, another import too, waits for the end of this one.
		err = t.exec("LOCK TABLE imports, " + strings.Join(names, ", ") + " IN SHARE ROW EXCLUSIVE MODE")
	}
	if code(err) == lockNotAvailable {
		err = fmt.Errorf("%w, or another import is: stop them: %w", ErrInUse, err)
	}
	if err != nil {
		return false, err
	}
	if already, err := i.before(t); already || err != nil { // another was faster
		return already, err
	}
	if err := i.wantEmpty(t, names); err != nil {
		return false, err
	}
	return false, i.fill(t, begun, names)
}

// before says whether these rows were imported already, for which it reads them all. Others are an error.
func (i *importer) before(t *tx) (already bool, err error) {
	var digest []byte
	var at time.Time
	err = t.row("SELECT digest, imported_at FROM imports ORDER BY imported_at DESC LIMIT 1").Scan(&digest, &at)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, table := range i.tables {
		for _, err := range i.rows(table) {
			if err != nil {
				return false, err
			}
		}
	}
	if !bytes.Equal(i.digest.Sum(nil), digest) {
		return false, fmt.Errorf("%w, or another one was imported, at %s: import into a new database", ErrSourceChanged, at.UTC().Format(time.RFC3339))
	}
	return true, nil
}

// wantEmpty checks that nobody's data is in the way and nobody is at work. What a node that was started here once has made by itself, its secrets and a link for a set-up
// that never was, goes. Its audit log, which nobody can delete, stays: of people it has nothing but attempts to log in, as long as there are no accounts.
func (i *importer) wantEmpty(t *tx, names []string) error {
	err := i.wantNobody(t)
	if err == nil {
		err = t.exec("DELETE FROM secrets; DELETE FROM links WHERE user_id IS NULL")
	}
	for k := range names {
		if err != nil {
			return err
		}
		if i.tables[k].Name == "audit" {
			continue
		}
		var there bool
		err = t.row("SELECT EXISTS (SELECT FROM " + names[k] + ")").Scan(&there)
		if err == nil && there {
			err = fmt.Errorf("%w: table %s is not empty: import into a new database", ErrNotEmpty, i.tables[k].Name)
		}
	}
	return err
}

// A node that has just ended may be seen for a moment longer: it is looked for a few times.
const (
	nodeLooks = 20
	nodePause = 100 * time.Millisecond
)

// wantNobody checks that no node is at work.
func (i *importer) wantNobody(t *tx) error {
	pause := time.NewTicker(nodePause)
	defer pause.Stop()
	for look := 1; ; look++ {
		var nodes int
		err := t.exec("SELECT pg_stat_clear_snapshot()")
		if err == nil {
			err = t.row("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bizsync%' AND application_name <> 'bizsync migration'").Scan(&nodes)
		}
		switch {
		case err != nil || nodes == 0:
			return err
		case look == nodeLooks:
			return fmt.Errorf("%w, over %d connections: stop them", ErrInUse, nodes)
		}
		select {
		case <-i.ctx.Done():
			return i.ctx.Err()
		case <-pause.C:
		}
	}
}

func (i *importer) fill(t *tx, begun pgx.Tx, names []string) error {
	for _, table := range i.tables {
		next, stop := iter.Pull2(i.rows(table))
		var failed error // of the source: CopyFrom gives only what the server makes of its text
		n, err := begun.CopyFrom(i.ctx, pgx.Identifier{table.Name}, table.Columns, pgx.CopyFromFunc(func() ([]any, error) {
			row, err, ok := next()
			if !ok || err != nil {
				failed = err
				return nil, err
			}
			return stored(row), nil
		}))
		stop()
		if failed != nil {
			err = failed
		}
		if ended := i.ctx.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
			err = fmt.Errorf("%w: %w", ended, err) // the connection was closed for that, and says only so
		}
		if err == nil && int(n) != table.Count {
			err = fmt.Errorf("%d rows arrived of %d", n, table.Count)
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", table.Name, err)
		}
	}
	// The first plans of nodes shall know how large the tables are.
	if err := t.exec("ANALYZE " + strings.Join(names, ", ")); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	if err := t.exec("INSERT INTO imports (digest, source, imported_at) VALUES ($1, $2, clock_timestamp())", i.digest.Sum(nil), clean(i.source)); err != nil {
		return fmt.Errorf("note the import: %w", err)
	}
	if err := begun.Commit(i.ctx); err != nil {
		return commitError(err)
	}
	return nil
}

// rows reads a table, and notes what went by.
func (i *importer) rows(table store.Table) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		_, _ = fmt.Fprintf(i.digest, "%s %q\n", table.Name, table.Columns) // a hash never fails
		done := 0
		for row, err := range table.Rows {
			if err == nil {
				err = i.ctx.Err()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, v := range row {
				digestValue(i.digest, v)
			}
			if !yield(row, nil) {
				return
			}
			done++
			i.progress(table, done)
		}
	}
}

// digestValue adds a value to a digest so that no two rows look alike.
func digestValue(h hash.Hash, v any) {
	var b []byte
	switch v := v.(type) {
	case []byte:
		b = v
	case uuid.UUID:
		b = v[:]
	case time.Time:
		b = binary.AppendVarint(nil, v.UnixMicro())
	default:
		b = fmt.Append(nil, v)
	}
	_, _ = h.Write(binary.AppendUvarint(fmt.Appendf(nil, "%T ", v), uint64(len(b)))) // a hash never fails
	_, _ = h.Write(b)
}

// stored gives a row as the database can hold it.
func stored(row []any) []any {
	for k, v := range row {
		if text, ok := v.(string); ok {
			row[k] = clean(text)
		}
	}
	return row
}
