package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	sqlitedriver "modernc.org/sqlite"
)

// direct runs statements that give no rows on the driver's connection itself, and keeps them prepared. database/sql would lock, convert and check for each of them what a
// connection that is the writer's alone doesn't need.
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
		stmt := d.stmts[query]
		if stmt == nil {
			if stmt, err = c.(driver.ConnPrepareContext).PrepareContext(ctx, query); err != nil {
				return err
			}
			d.stmts[query] = stmt
		}
		result, err = stmt.(driver.StmtExecContext).ExecContext(ctx, d.args)
		return err
	})
	clear(d.args)
	d.args = d.args[:0]
	return result, err
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
