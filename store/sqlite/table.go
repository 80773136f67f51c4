package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

var (
	// ErrNoDatabase: nothing that this program made is there.
	ErrNoDatabase = errors.New("no BizSync database")
	// ErrOlderSchema: the database was written by an earlier version of the program.
	ErrOlderSchema = errors.New("database schema is older than this program")
)

// Export lends all that the database file at path holds for another database to f: every table, those that others refer to first, as one consistent read sees them. It
// changes nothing. Not among them are the idempotency keys of batches, which nobody will ask for when the process that made them has ended, the revision of all access,
// which every database counts by itself, and from when on the audit log is kept, which the next sweep says. It fails with ErrNoDatabase, ErrOlderSchema, ErrNewerSchema, and with ErrLocked while a server runs on it.
func Export(ctx context.Context, path string, f func([]store.Table) error) error {
	if err := export(ctx, path, f); err != nil {
		return fmt.Errorf("export database %s: %w", path, err)
	}
	return nil
}

func export(ctx context.Context, path string, f func([]store.Table) error) (err error) {
	for _, p := range []string{filepath.Dir(path), path} {
		if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s does not exist", ErrNoDatabase, p)
		} else if err != nil {
			return err
		}
	}
	s, err := open(ctx, path, Options{Readers: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	schema, err := s.schema(ctx)
	switch {
	case err != nil:
		return err
	case schema.Version == 0 && !schema.Dirty:
		return ErrNoDatabase
	case schema.Version > schema.Latest:
		return fmt.Errorf("%w: version %d, known is %d", ErrNewerSchema, schema.Version, schema.Latest)
	case schema.Version < schema.Latest || schema.Dirty:
		return fmt.Errorf("%w: version %d of %d", ErrOlderSchema, schema.Version, schema.Latest)
	}
	return s.read(ctx, func(t *tx) error {
		tables := make([]store.Table, len(exported))
		for i, e := range exported {
			if tables[i], err = e.table(t); err != nil {
				return fmt.Errorf("table %s: %w", e.name, err)
			}
		}
		return f(tables)
	})
}

// exportedColumn is a column of a table there, and the expression that gives it here.
type exportedColumn struct {
	name, expression string
	convert          func(any) (any, error)
}

func as(name, expression string, convert func(any) (any, error)) exportedColumn {
	return exportedColumn{name, expression, convert}
}

func id(name string) exportedColumn      { return as(name, name, toUUID) }
func text(name string) exportedColumn    { return as(name, name, asIs) }
func integer(name string) exportedColumn { return as(name, name, asIs) }
func bytesOf(name string) exportedColumn { return as(name, name, toBytes) }
func flag(name string) exportedColumn    { return as(name, name, toBool) }
func instant(name string) exportedColumn { return as(name, name, toTime) }

// user is an account's id where it is no key of the table's own.
var user = as("user_id", "user", toUUID)

// size is that of the update in the column before, before it was packed.
var size = as("size", "NULL", asIs)

// exportedTable is a table there, where it is read from here, and in which order: one that is that of the file.
type exportedTable struct {
	name, from, order string
	columns           []exportedColumn
}

// kept leaves out what is left of documents that are gone.
const kept = " WHERE document NOT IN (SELECT document FROM purges)"

var exported = []exportedTable{
	{"secrets", "secrets", "name", []exportedColumn{text("name"), bytesOf("value")}},
	{"users", "users", "id", []exportedColumn{
		id("id"), text("email"), text("email_key"), text("name"), text("role"), text("password_hash"), flag("disabled"), instant("created_at"), instant("updated_at")}},
	{"sessions", "sessions", "token_hash", []exportedColumn{
		bytesOf("token_hash"), id("id"), user, text("user_agent"), text("address"), instant("created_at"), instant("last_seen"), instant("expires_at")}},
	{"links", "links", "token_hash", []exportedColumn{bytesOf("token_hash"), text("kind"), user, instant("created_at"), instant("expires_at")}},
	{"api_keys", "api_keys", "id", []exportedColumn{
		id("id"), user, text("name"), as("scopes", "scopes", toTexts), bytesOf("token_hash"), instant("created_at"), instant("expires_at"), instant("last_used")}},
	{"guests", "guests", "user", []exportedColumn{user, id("key"), id("lender"), text("external")}},
	{"notice_heads", "notice_heads", "user", []exportedColumn{user, integer("seq")}},
	{"notices", "notices", "user, seq", []exportedColumn{
		user, integer("seq"), id("id"), text("kind"), id("document"), text("title"), integer("role"), id("actor"), text("actor_name"), instant("created_at"), instant("read_at")}},
	{"documents", "documents", "id", []exportedColumn{
		id("id"), text("key"), text("title"), text("title_key"), id("owner"), instant("created_at"), instant("deleted_at")}},
	{"document_kinds", "document_kinds", "document", []exportedColumn{id("document"), text("kind")}},
	{"members", "members", "document, user", []exportedColumn{id("document"), user, integer("role"), instant("created_at")}},
	{"guest_limits", "guest_limits", "document, user", []exportedColumn{id("document"), user, integer("role")}},
	{"heads", headTables, "h.document", []exportedColumn{
		as("document", "h.document", toUUID), integer("seq"), as("row_id", "row", asIs), id("epoch"), integer("access_version"), flag("deleted"), instant("changed_at"), instant("reset_at")}},
	{"bindings", "bindings" + kept, "document, client", []exportedColumn{id("document"), integer("client"), user}},
	{"snapshots", "snapshots", "document", []exportedColumn{
		id("document"), integer("seq"), as("row_id", "row", asIs), instant("created_at"), as("state", "state", toPacked)}},
	{"coverings", "coverings", "document, seq", []exportedColumn{id("document"), integer("seq"), instant("covered_at")}},
	{"history", "history" + kept, "document, seq, id", []exportedColumn{
		id("document"), integer("seq"), integer("id"), integer("prev"), id("author"), instant("created_at"), bytesOf("data"), size}},
	{"updates", "updates" + kept, "n", []exportedColumn{
		id("document"), integer("seq"), integer("id"), integer("prev"), id("author"), instant("created_at"), bytesOf("data"), size}},
	{"audit", "audit", "id", []exportedColumn{
		id("id"), instant("at"), id("actor"), text("actor_name"), id("key"), text("action"), text("subject"), text("name"), text("address"), text("detail")}},
	{"requests", "requests", "user, operation, key", []exportedColumn{
		user, text("operation"), text("key"), bytesOf("request"), instant("at"), instant("lease_until"), integer("status"), text("header"), as("body", "body", asIs)}},
}

// table describes a table for as long as the read lasts.
func (e exportedTable) table(t *tx) (store.Table, error) {
	table := store.Table{Name: e.name}
	expressions := make([]string, len(e.columns))
	for i, c := range e.columns {
		table.Columns = append(table.Columns, c.name)
		expressions[i] = c.expression
	}
	if err := t.row("SELECT count(*) FROM " + e.from).Scan(&table.Count); err != nil {
		return table, err
	}
	table.Rows = e.rows(t, "SELECT "+strings.Join(expressions, ", ")+" FROM "+e.from+" ORDER BY "+e.order)
	return table, nil
}

// errEnough ends a read whose reader wants no more.
var errEnough = errors.New("enough")

func (e exportedTable) rows(t *tx, query string) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		n := 0
		err := t.each(func(r *sqlRows) error {
			n++
			values := make([]any, len(e.columns))
			into := make([]any, len(e.columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := r.Scan(into...); err != nil {
				return err
			}
			if err := e.convert(values); err != nil {
				return fmt.Errorf("row %d: %w", n, err)
			}
			if !yield(values, nil) {
				return errEnough
			}
			return nil
		}, query)
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, fmt.Errorf("read table %s: %w", e.name, err))
		}
	}
}

// convert makes of values as they are stored here what they are on their way.
func (e exportedTable) convert(values []any) (err error) {
	for i, c := range e.columns {
		if c.name == "size" {
			update, err := store.Unpack(values[i-1].([]byte))
			if err != nil {
				return err
			}
			values[i] = int64(len(update))
			continue
		}
		if values[i], err = c.convert(values[i]); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	return nil
}

func asIs(v any) (any, error) { return v, nil }

func toUUID(v any) (any, error) {
	b, ok := v.([]byte)
	if v == nil || !ok {
		return v, nil
	}
	return uuid.FromBytes(b)
}

func toBytes(v any) (any, error) {
	b, _ := v.([]byte)
	return notNil(b), nil
}

// toPacked checks that what goes away can be read where it arrives.
func toPacked(v any) (any, error) {
	b, _ := v.([]byte)
	_, err := store.Unpack(b)
	return b, err
}

func toBool(v any) (any, error) {
	n, _ := v.(int64)
	return n != 0, nil
}

func toTime(v any) (any, error) {
	if ms, ok := v.(int64); ok {
		return at(ms), nil
	}
	return v, nil
}

func toTexts(v any) (any, error) {
	s, _ := v.(string)
	texts := []string{}
	err := json.Unmarshal([]byte(s), &texts)
	return texts, err
}
