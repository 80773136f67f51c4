package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bizsync/bizsync/store"
)

// BeginRequest claims a request, or gives its reply.
func (s *Store) BeginRequest(ctx context.Context, k store.IdempotencyKey, request [32]byte, lease time.Duration) (reply *store.Reply, err error) {
	if err = k.Check(); err == nil {
		err = s.writeBeside(ctx, func(t *tx) error {
			reply, err = claim(t, k, request, min(max(lease, 0), store.IdempotencyTime))
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("begin request: %w", err)
	}
	return reply, nil
}

// claim is done by the only writer, so what it has read is still so when it writes.
func claim(t *tx, k store.IdempotencyKey, request [32]byte, lease time.Duration) (*store.Reply, error) {
	at := now()
	var before [32]byte
	var stored, header, body []byte
	var until int64
	var status sql.NullInt64
	err := t.row("SELECT request, lease_until, status, header, body FROM requests WHERE user = ? AND operation = ? AND key = ? AND at > ?",
		blob(k.User), k.Operation, k.Key, at-store.IdempotencyTime.Milliseconds()).Scan(&stored, &until, &status, &header, &body)
	copy(before[:], stored)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	case before != request:
		return nil, store.ErrConflict
	case status.Valid:
		r := &store.Reply{Status: int(status.Int64), Body: body}
		if err := json.Unmarshal(header, &r.Header); err != nil {
			return nil, fmt.Errorf("header of the reply: %w", err)
		}
		return r, nil
	case until > at:
		return nil, store.ErrBusyRequest
	}
	return nil, t.exec("INSERT OR REPLACE INTO requests (user, operation, key, request, at, lease_until) VALUES (?, ?, ?, ?, ?, ?)",
		blob(k.User), k.Operation, k.Key, request[:], at, at+lease.Milliseconds())
}

// FinishRequest keeps the reply of a claimed request.
func (s *Store) FinishRequest(ctx context.Context, k store.IdempotencyKey, r store.Reply) error {
	header, err := json.Marshal(r.Header)
	if err = errors.Join(err, k.Check()); err == nil {
		err = s.writeBeside(ctx, func(t *tx) error {
			n, err := t.changed("UPDATE requests SET status = ?, header = ?, body = ?, at = ? WHERE user = ? AND operation = ? AND key = ? AND status IS NULL",
				r.Status, string(header), notNil(r.Body), now(), blob(k.User), k.Operation, k.Key)
			if err != nil || n > 0 {
				return err
			}
			return t.row("SELECT 1 FROM requests WHERE user = ? AND operation = ? AND key = ?", blob(k.User), k.Operation, k.Key).Scan(new(int))
		})
	}
	if err != nil {
		return fmt.Errorf("finish request: %w", err)
	}
	return nil
}

// RenewRequest has a claim's lease begin anew.
func (s *Store) RenewRequest(ctx context.Context, k store.IdempotencyKey, lease time.Duration) error {
	err := k.Check()
	if err == nil {
		err = s.writeBeside(ctx, func(t *tx) error {
			n, err := t.changed("UPDATE requests SET lease_until = ? WHERE user = ? AND operation = ? AND key = ? AND status IS NULL",
				now()+min(max(lease, 0), store.IdempotencyTime).Milliseconds(), blob(k.User), k.Operation, k.Key)
			if err == nil && n == 0 {
				err = store.ErrNotFound
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("renew request: %w", err)
	}
	return nil
}

// ForgetRequest gives a claim up.
func (s *Store) ForgetRequest(ctx context.Context, k store.IdempotencyKey) error {
	err := k.Check()
	if err == nil {
		err = s.writeBeside(ctx, func(t *tx) error {
			return t.exec("DELETE FROM requests WHERE user = ? AND operation = ? AND key = ? AND status IS NULL", blob(k.User), k.Operation, k.Key)
		})
	}
	if err != nil {
		return fmt.Errorf("forget request: %w", err)
	}
	return nil
}

// SweepRequests removes what nobody may ask for any more.
func (s *Store) SweepRequests(ctx context.Context, limit int) (n int, err error) {
	err = s.writeBeside(ctx, func(t *tx) error {
		n, err = t.changed("DELETE FROM requests WHERE (user, operation, key) IN (SELECT user, operation, key FROM requests WHERE at <= ? LIMIT ?)",
			now()-store.IdempotencyTime.Milliseconds(), max(limit, 0))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep requests: %w", err)
	}
	return n, nil
}
