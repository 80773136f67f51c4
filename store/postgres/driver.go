package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
)

// migrationLock is the advisory lock of whoever changes the schema. It lives in the database that the session is in, and ends with the session.
const migrationLock = 0x62697a73796e63 // "bizsync"

// driver lets golang-migrate work on one connection, under a context and a lock that both cover reading the version, healing and running. (The driver that comes with
// golang-migrate locks each of them alone, waits without an end, and needs database/sql.)
type driver struct {
	ctx     context.Context // of the one call that the driver lives for
	conn    *pgx.Conn
	ddlLock time.Duration // how long a migration waits for a table: everybody who comes after it waits with it
}

var _ database.Driver = (*driver)(nil)

const versionTable = "schema_migrations"

// lock waits until no other session holds the migration lock, at most as long as the context lives.
func (d *driver) lock() error {
	if _, err := d.conn.Exec(d.ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for other nodes' migrations: %w", err)
	}
	return nil
}

// prepare makes the version table. Its form is golang-migrate's own.
func (d *driver) prepare() error {
	err := d.exec("SELECT set_config('lock_timeout', '" + milliseconds(d.ddlLock) + "', false);" +
		" SET client_min_messages = warning;" + // not a word for each IF NOT EXISTS
		" CREATE TABLE IF NOT EXISTS " + versionTable + " (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)")
	if err != nil {
		return fmt.Errorf("make the table of versions: %w", err)
	}
	return nil
}

// exec runs statements as one transaction.
func (d *driver) exec(statements string) error {
	_, err := d.conn.PgConn().Exec(d.ctx, statements).ReadAll()
	return err
}

// Lock does nothing: the lock is held already, longer than golang-migrate would.
func (d *driver) Lock() error { return nil }

// Unlock does nothing: the lock ends with the connection.
func (d *driver) Unlock() error { return nil }

// Run runs one migration file as one transaction.
func (d *driver) Run(migration io.Reader) error {
	file, err := io.ReadAll(migration)
	if err != nil {
		return fmt.Errorf("read migration: %w", err)
	}
	return d.exec(string(file))
}

// SetVersion notes the version that the schema has, or that is being made of it.
func (d *driver) SetVersion(version int, dirty bool) error {
	statements := "DELETE FROM " + versionTable + ";"
	if version >= 0 || version == database.NilVersion && dirty {
		statements += fmt.Sprintf("INSERT INTO %s (version, dirty) VALUES (%d, %v)", versionTable, version, dirty)
	}
	if err := d.exec(statements); err != nil {
		return fmt.Errorf("note schema version: %w", err)
	}
	return nil
}

// Version reads what SetVersion noted.
func (d *driver) Version() (version int, dirty bool, err error) {
	var there bool
	if err := d.conn.QueryRow(d.ctx, "SELECT to_regclass('"+versionTable+"') IS NOT NULL").Scan(&there); err != nil {
		return 0, false, fmt.Errorf("read schema: %w", err)
	}
	if !there {
		return database.NilVersion, false, nil
	}
	err = d.conn.QueryRow(d.ctx, "SELECT version, dirty FROM "+versionTable+" LIMIT 1").Scan(&version, &dirty)
	if errors.Is(err, pgx.ErrNoRows) {
		return database.NilVersion, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("read schema version: %w", err)
	}
	return version, dirty, nil
}

// Open, Close and Drop belong to uses of golang-migrate that are not ours.
func (d *driver) Open(string) (database.Driver, error) { return nil, errors.ErrUnsupported }

// Close does nothing: whoever made the connection closes it.
func (d *driver) Close() error { return nil }

// Drop is refused.
func (d *driver) Drop() error { return errors.ErrUnsupported }
