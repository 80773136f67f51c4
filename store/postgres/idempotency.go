package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bizsync/bizsync/store"
)

// claimRequest inserts a claim, or takes one over that nobody holds any more. Whoever comes second waits for the first to commit, and then finds its row locked until its own end.
const claimRequest = "INSERT INTO requests AS r (user_id, operation, key, request, at, lease_until)" +
	" VALUES ($1, $2, $3, $4, clock_timestamp(), clock_timestamp() + $5::interval)" +
	" ON CONFLICT (user_id, operation, key) DO UPDATE SET request = excluded.request, at = excluded.at, lease_until = excluded.lease_until, status = NULL, header = NULL, body = NULL" +
	" WHERE r.at <= clock_timestamp() - $6::interval OR (r.status IS NULL AND r.lease_until <= clock_timestamp() AND r.request = excluded.request)"

// BeginRequest claims a request, or gives its reply.
func (s *Store) BeginRequest(ctx context.Context, k store.IdempotencyKey, request [32]byte, lease time.Duration) (reply *store.Reply, err error) {
	if err = k.Check(); err == nil {
		err = s.write(ctx, func(t *tx) error {
			n, err := t.changed(claimRequest, k.User, k.Operation, k.Key, request[:], min(max(lease, 0), store.IdempotencyTime), store.IdempotencyTime)
			if err != nil || n > 0 {
				return err
			}
			reply, err = readReply(t, k, request)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("begin request: %w", err)
	}
	return reply, nil
}

// readReply reads what is there under a key that could not be claimed.
func readReply(t *tx, k store.IdempotencyKey, request [32]byte) (*store.Reply, error) {
	var before, body []byte
	var status *int
	var header *string
	err := t.row("SELECT request, status, header, body FROM requests WHERE user_id = $1 AND operation = $2 AND key = $3", k.User, k.Operation, k.Key).
		Scan(&before, &status, &header, &body)
	switch {
	case err != nil:
		return nil, err
	case [32]byte(before) != request:
		return nil, store.ErrConflict
	case status == nil || header == nil:
		return nil, store.ErrBusyRequest
	}
	r := &store.Reply{Status: *status, Body: body}
	if err := json.Unmarshal([]byte(*header), &r.Header); err != nil {
		return nil, fmt.Errorf("header of the reply: %w", err)
	}
	return r, nil
}

// FinishRequest keeps the reply of a claimed request.
func (s *Store) FinishRequest(ctx context.Context, k store.IdempotencyKey, r store.Reply) error {
	header, err := json.Marshal(r.Header)
	if err = errors.Join(err, k.Check()); err == nil {
		err = s.write(ctx, func(t *tx) error {
			n, err := t.changed("UPDATE requests SET status = $4, header = $5, body = $6, at = now() WHERE user_id = $1 AND operation = $2 AND key = $3 AND status IS NULL",
				k.User, k.Operation, k.Key, r.Status, string(header), notNil(r.Body))
			if err != nil || n > 0 {
				return err
			}
			return t.row("SELECT 1 FROM requests WHERE user_id = $1 AND operation = $2 AND key = $3", k.User, k.Operation, k.Key).Scan(new(int))
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
		err = s.write(ctx, func(t *tx) error {
			n, err := t.changed("UPDATE requests SET lease_until = clock_timestamp() + $4::interval WHERE user_id = $1 AND operation = $2 AND key = $3 AND status IS NULL",
				k.User, k.Operation, k.Key, min(max(lease, 0), store.IdempotencyTime))
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
		err = s.write(ctx, func(t *tx) error {
			return t.exec("DELETE FROM requests WHERE user_id = $1 AND operation = $2 AND key = $3 AND status IS NULL", k.User, k.Operation, k.Key)
		})
	}
	if err != nil {
		return fmt.Errorf("forget request: %w", err)
	}
	return nil
}

// SweepRequests removes what nobody may ask for any more. It passes over those that are claimed anew at this moment.
func (s *Store) SweepRequests(ctx context.Context, limit int) (n int, err error) {
	err = s.write(ctx, func(t *tx) error {
		n, err = t.changed("DELETE FROM requests WHERE (user_id, operation, key) IN"+
			" (SELECT user_id, operation, key FROM requests WHERE at <= now() - $1::interval ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
			store.IdempotencyTime, max(limit, 0))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep requests: %w", err)
	}
	return n, nil
}
