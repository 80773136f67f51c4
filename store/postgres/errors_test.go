package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bizsync/bizsync/store"
)

// TestClasses: the place of a failure and its kind say what it leaves open.
func TestClasses(t *testing.T) {
	server := func(severity, code string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code})
	}
	cut := fmt.Errorf("wrapped: %w", io.ErrUnexpectedEOF)
	reset := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	type class string
	const definite, unavailable, uncertain = class("definite"), class("unavailable"), class("uncertain")
	of := func(err error) class {
		switch {
		case errors.Is(err, store.ErrUncertain):
			return uncertain
		case errors.Is(err, store.ErrUnavailable):
			return unavailable
		}
		return definite
	}
	for _, c := range []struct {
		err                    error
		key, statement, commit class
	}{
		{server("ERROR", lockNotAvailable), uncertain, definite, definite},
		{server("ERROR", deadlockDetected), uncertain, definite, definite},
		{server("ERROR", queryCanceled), uncertain, definite, definite},
		{server("ERROR", serializationFailure), definite, definite, definite},
		{server("ERROR", uniqueViolation), definite, definite, definite},
		{server("ERROR", "53100"), unavailable, unavailable, unavailable},
		{server("ERROR", readOnlyTransaction), unavailable, unavailable, unavailable},
		{server("FATAL", adminShutdown), unavailable, unavailable, uncertain},
		{server("FATAL", "25P03"), unavailable, unavailable, uncertain},
		{cut, uncertain, uncertain, uncertain},
		{reset, uncertain, uncertain, uncertain},
		{context.DeadlineExceeded, uncertain, uncertain, uncertain},
	} {
		if got := of(keyError(c.err)); got != c.key {
			t.Errorf("%v at the key is %s, want %s", c.err, got, c.key)
		}
		if got := of(statementError(c.err)); got != c.statement {
			t.Errorf("%v in the statement is %s, want %s", c.err, got, c.statement)
		}
		if got := of(commitError(c.err)); got != c.commit {
			t.Errorf("%v at the commit is %s, want %s", c.err, got, c.commit)
		}
	}
	// Before a COMMIT was sent, a lost connection has changed nothing.
	for _, err := range []error{cut, reset, context.Canceled, server("FATAL", adminShutdown)} {
		if got := of(asClassified(err)); got != unavailable {
			t.Errorf("%v before a commit is %s", err, got)
		}
	}
}

// asClassified is unavailable under a name that a test's variable doesn't hide.
func asClassified(err error) error { return unavailable(err) }

func TestServerVersion(t *testing.T) {
	for version, wanted := range map[int]error{90624: errTooOld, 130022: errTooOld, 140000: nil, 150018: nil, 180001: nil} {
		if err := checkVersion(version, "x"); !errors.Is(err, wanted) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}
