package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/bizsync/bizsync/store"
)

// The SQLSTATEs that have a meaning of their own here (PostgreSQL's documentation, appendix A).
const (
	uniqueViolation       = "23505"
	readOnlyTransaction   = "25006"
	invalidAuthorization  = "28000"
	invalidPassword       = "28P01"
	noSuchDatabase        = "3D000"
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	insufficientPrivilege = "42501"
	tooManyConnections    = "53300"
	lockNotAvailable      = "55P03"
	queryCanceled         = "57014"
	adminShutdown         = "57P01"
)

// asUnavailable marks a failure that is certain to have changed nothing.
func asUnavailable(err error) error {
	if err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrUncertain) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// asUncertain marks a failure that leaves open what became of the transaction.
func asUncertain(err error) error { return fmt.Errorf("%w: %w", store.ErrUncertain, err) }

// unavailable marks failures before a COMMIT that are nobody's fault but the database's, the network's, or the caller's own patience: none says that the statement was wrong.
func unavailable(err error) error {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case err == nil, errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrUncertain):
		return err
	case errors.As(err, &connect), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return asUnavailable(err)
	case errors.As(err, &e):
		if serverUnavailable(e.Code) {
			return asUnavailable(err)
		}
		return err
	case pgconn.SafeToRetry(err), lost(err):
		return asUnavailable(err)
	}
	return err
}

// serverUnavailable says whether a server that answers with that SQLSTATE can't serve anybody, or not this node.
func serverUnavailable(code string) bool {
	switch code {
	case readOnlyTransaction, noSuchDatabase, insufficientPrivilege:
		return true
	case queryCanceled:
		return false
	}
	switch code[:min(2, len(code))] {
	case "08", "28", "53", "57", "58", "F0": // connection, authorization, resources (disk, memory, connections), shutdown, I/O, configuration
		return true
	}
	return code == "25P03" // the session was ended for being idle in a transaction
}

// lost says whether the connection is the reason, rather than an answer of the server.
func lost(err error) bool {
	var e net.Error
	return errors.As(err, &e) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, puddle.ErrClosedPool)
}

// stale says whether a failure is that of a connection that had lain in the pool when the server went away.
func stale(err error) bool {
	var connect *pgconn.ConnectError
	return !errors.As(err, &connect) && (code(err) == adminShutdown || code(err) == "" && (lost(err) || pgconn.SafeToRetry(err)))
}

// commitError judges a failure of the COMMIT itself. An ERROR of the server says that it was undone; anything else leaves it open, even a FATAL one, since a server that
// shuts down may say so between the commit and its confirmation.
func commitError(err error) error {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.SeverityUnlocalized == "ERROR", errors.Is(err, pgx.ErrTxCommitRollback):
		return unavailable(fmt.Errorf("commit: %w", err))
	}
	return asUncertain(fmt.Errorf("commit: %w", err))
}

// code gives the SQLSTATE of an error, "" when it isn't the server's.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// taken says whether err is a breach of uniqueness.
func taken(err error) bool { return code(err) == uniqueViolation }

// raiseConnections is the advice where connections are too few.
const raiseConnections = "raise max_connections, or the limit of this user or database"

// explain adds to an error of a start what the operator can do about it.
func explain(err error) error {
	advice := map[string]string{
		invalidPassword:       "the database refuses the URL's user or password",
		invalidAuthorization:  "the database doesn't let the URL's user in from this machine (see pg_hba.conf)",
		noSuchDatabase:        "the database that the URL names doesn't exist: create it first",
		insufficientPrivilege: "the URL's user lacks rights: make it the owner of the database, or GRANT CREATE ON SCHEMA public to it",
		tooManyConnections:    "the database takes no more connections: " + raiseConnections,
		readOnlyTransaction:   "the database is read-only: name the primary server, or set default_transaction_read_only off",
	}[code(err)]
	switch {
	case err == nil:
		return nil
	case advice != "":
		return fmt.Errorf("%s: %w", advice, err)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && code(err) == "" && !errors.Is(err, errTooOld) {
		return fmt.Errorf("the database can't be reached: check the URL's host and port, and that PostgreSQL runs: %w", err)
	}
	return err
}
