// Package sqlite keeps everything in one SQLite file: the storage contract of package store for a single node.
//
// One connection writes, one transaction at a time; a pool of others reads beside it (WAL). A commit is on disk when COMMIT returns
// (synchronous=FULL). Database time is this process's clock, since the database lives in it.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bizsync/bizsync/store"
)

// Memory is the path that opens a private in-memory database, which ends with Close.
const Memory = ":memory:"

// Options tune a Store. The zero value is fit for use.
type Options struct {
	// Readers bounds how many reads run at once; 0 means 4. An in-memory database has one connection for everything.
	Readers int
	// Limits bound what accounts may add.
	Limits store.Limits
}

// Store is the SQLite implementation of store.Store.
type Store struct {
	writer  *writer
	readers *readers // nil for an in-memory database: reads take their turn at the writer's connection
	lock    *fileLock
	limits  store.Limits

	reads sync.WaitGroup // those in progress

	mu     sync.Mutex
	closed bool // guarded by mu: no read begins any more
}

var _ store.Store = (*Store)(nil)

// Open opens the database file at path, creating it (mode 0600) and its directory when missing, and brings its schema up to date. It fails when
// another process has the directory open, when the directory can't be written, and when the database is newer than this program.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

// open does all that Open does except for the schema.
func open(ctx context.Context, path string, o Options) (_ *Store, err error) {
	s := &Store{limits: o.Limits.WithDefaults()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if path == Memory {
		s.writer, err = newWriter(ctx, memoryDSN, true)
		return s, err
	}

	if path, err = filepath.Abs(path); err != nil {
		return s, err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, fmt.Errorf("create data directory: %w", err)
	}
	if s.lock, err = lockDirectory(dir); err != nil {
		return s, err
	}
	// SQLite gives its -wal and -shm files the mode of the database file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return s, err
	}
	if err := f.Close(); err != nil {
		return s, err
	}
	if s.writer, err = newWriter(ctx, fileDSN(path, writerPragmas), false); err != nil {
		return s, err
	}
	n := o.Readers
	if n <= 0 {
		n = 4
	}
	s.readers, err = newReaders(fileDSN(path, readerPragmas), n)
	return s, err
}

// memoryDSN names a database that belongs to the one connection that opens it.
const memoryDSN = "file::memory:?_dqs=0&_pragma=foreign_keys(1)"

// The order of pragmas counts: waiting for locks comes before what takes locks.
var (
	writerPragmas = []string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "cache_size(-16384)",
		"temp_store(MEMORY)",           // what undoes one statement is not worth a file
		"wal_autocheckpoint(4000)",     // fold the WAL back every 16 MiB: it costs the commit that does it some milliseconds
		"journal_size_limit(67108864)", // a WAL that a long read made large is cut to 64 MiB
	}
	readerPragmas = []string{"busy_timeout(5000)", "query_only(1)", "cache_size(-4096)"}
)

// fileDSN names a database file for the driver, whatever characters its path has.
func fileDSN(path string, pragmas []string) string {
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") { // a Windows drive letter
		p = "/" + p
	}
	q := url.Values{"_dqs": {"0"}, "_pragma": pragmas}
	return "file:" + (&url.URL{Path: p}).EscapedPath() + "?" + q.Encode()
}

// Ping says whether the database answers reads.
func (s *Store) Ping(ctx context.Context) error {
	err := s.read(ctx, func(t *tx) error {
		var one int
		return t.row("SELECT 1 FROM (SELECT count(*) FROM secrets)").Scan(&one)
	})
	if err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Secret gives the stored secret of that name, or stores candidate as it.
func (s *Store) Secret(ctx context.Context, name string, candidate []byte) ([]byte, error) {
	var secret []byte
	err := s.write(ctx, func(t *tx) error {
		if err := t.exec("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, notNil(candidate)); err != nil {
			return err
		}
		return t.row("SELECT value FROM secrets WHERE name = ?", name).Scan(&secret)
	})
	if err != nil {
		return nil, fmt.Errorf("read secret %q: %w", name, err)
	}
	return secret, nil
}

// Close waits for the transaction and the reads in progress, then releases the database and the lock on its directory. Calls that come later, those of
// callbacks included, fail with store.ErrUnavailable.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.reads.Wait()

	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.close())
	}
	if s.writer != nil { // last of the connections: it folds the WAL into the database file
		errs = append(errs, s.writer.close())
	}
	if s.lock != nil { // not before the database is closed
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}

// beginRead notes a read in progress, which ends with s.reads.Done.
func (s *Store) beginRead() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.reads.Add(1)
	return nil
}

// now is database time in Unix milliseconds.
func now() int64 { return time.Now().UnixMilli() }

// at is the inverse of now.
func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// orNow gives t in Unix milliseconds, or now for the zero time.
func orNow(t time.Time, now int64) int64 {
	if t.IsZero() {
		return now
	}
	return t.UnixMilli()
}

// blob gives an id as the 16 bytes that are stored (uuid.UUID's own Value is text).
func blob(id [16]byte) []byte { return id[:] }

// notNil makes an empty value of nil, which would be NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
