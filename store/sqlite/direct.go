package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	sqlitedriver "modernc.org/sqlite"

	"github.com/bizsync/bizsync/store"
)

// direct runs statements on the driver's connection itself, and keeps them prepared. database/sql would lock, convert and check for each argument and each value what a
// connection of one holder doesn't need.
type direct struct {
	conn  *sql.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue // room for the arguments of one statement
}

// exec converts the arguments as database/sql does and runs the statement.
func (d *direct) exec(ctx context.Context, query string, args ...any) (result driver.Result, err error) {
	d.args = d.args[:0]
	for _, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return nil, err
		}
		d.arg(v)
	}
	return d.run(ctx, query)
}

// arg notes the next argument of the next run: an int64, []byte, string or nil.
func (d *direct) arg(v driver.Value) {
	d.args = append(d.args, driver.NamedValue{Ordinal: len(d.args) + 1, Value: v})
}

// run runs a statement with the arguments that were noted.
func (d *direct) run(ctx context.Context, query string) (result driver.Result, err error) {
	err = d.conn.Raw(func(c any) error {
		stmt, err := d.prepared(ctx, c, query)
		if err == nil {
			result, err = stmt.(driver.StmtExecContext).ExecContext(ctx, d.args)
		}
		return err
	})
	d.noArgs()
	return result, err
}

// each runs a query with the arguments that were noted, and calls f for each row. Bytes are f's to keep, the record is not. f may run other statements.
func (d *direct) each(ctx context.Context, query string, f func(*record) error) (err error) {
	var rows driver.Rows
	err = d.conn.Raw(func(c any) error {
		stmt, err := d.prepared(ctx, c, query)
		if err == nil {
			rows, err = stmt.(driver.StmtQueryContext).QueryContext(ctx, d.args)
		}
		return err
	})
	d.noArgs()
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, d.conn.Raw(func(any) error { return rows.Close() }))
	}()
	r := record{values: make([]driver.Value, len(rows.Columns()))}
	next := func(any) error { return rows.Next(r.values) }
	for {
		if err := d.conn.Raw(next); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := f(&r); err != nil {
			return err
		}
		if r.err != nil {
			return r.err
		}
	}
}

func (d *direct) prepared(ctx context.Context, conn any, query string) (driver.Stmt, error) {
	if stmt := d.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	d.stmts[query] = stmt
	return stmt, nil
}

func (d *direct) noArgs() {
	clear(d.args)
	d.args = d.args[:0]
}

// record is a row of a query. What is not of the kind that it is asked for sets err.
type record struct {
	values []driver.Value
	err    error
}

func (r *record) integer(i int) int64 {
	n, ok := r.values[i].(int64)
	if !ok {
		r.err = fmt.Errorf("column %d: %w: %T, not an integer", i, store.ErrCorrupt, r.values[i])
	}
	return n
}

func (r *record) bytes(i int) []byte {
	b, ok := r.values[i].([]byte)
	if !ok {
		r.err = fmt.Errorf("column %d: %w: %T, not bytes", i, store.ErrCorrupt, r.values[i])
	}
	return b
}

func (r *record) id(i int) [16]byte {
	b := r.bytes(i)
	if len(b) != 16 {
		r.err = fmt.Errorf("column %d: %w: %d bytes, not an id", i, store.ErrCorrupt, len(b))
		return [16]byte{}
	}
	return [16]byte(b)
}

// dataVersion reads SQLite's data version of the file as the connection's newest transaction sees it.
func (d *direct) dataVersion() (version uint32, err error) {
	err = d.conn.Raw(func(c any) error {
		version, err = c.(sqlitedriver.FileControl).FileControlDataVersion("main")
		return err
	})
	return version, err
}

func (d *direct) close() error {
	var errs []error
	for _, stmt := range d.stmts {
		errs = append(errs, stmt.Close())
	}
	d.stmts = nil
	return errors.Join(errs...)
}
