package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// recordAudit makes NULL of the id that stands for none.
const recordAudit = "INSERT INTO audit (id, at, actor, actor_name, key, action, subject, name, address, detail)" +
	" SELECT id, now(), nullif(actor, $10), actor_name, nullif(key, $10), action, subject, name, address, detail" +
	" FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])" +
	" AS x (id, actor, actor_name, key, action, subject, name, address, detail)"

// RecordAudit appends entries to the audit log.
func (s *Store) RecordAudit(ctx context.Context, entries ...store.AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	if err := s.write(ctx, func(t *tx) error { return insertAudit(t, entries...) }); err != nil {
		return fmt.Errorf("record audit entries: %w", err)
	}
	return nil
}

func insertAudit(t *tx, entries ...store.AuditEntry) error {
	var ids, actors, keys []uuid.UUID
	var names, actions, subjects, subjectNames, addresses, details []string
	for _, e := range entries {
		if e.ID == uuid.Nil {
			e.ID = store.NewID()
		}
		e = e.Trimmed()
		ids, actors, names, keys = append(ids, e.ID), append(actors, e.Actor), append(names, e.ActorName), append(keys, e.Key)
		actions, subjects, subjectNames = append(actions, e.Action), append(subjects, e.Subject), append(subjectNames, e.Name)
		addresses, details = append(addresses, e.Address), append(details, e.Detail)
	}
	err := t.exec(recordAudit, ids, actors, names, keys, actions, subjects, subjectNames, addresses, details, uuid.Nil)
	if taken(err) {
		err = store.ErrConflict
	}
	return err
}

// SweepAudit deletes old entries, after an entry that says so. Of nodes that do so at the same time one writes it.
func (s *Store) SweepAudit(ctx context.Context, before time.Time, limit int) (n int, err error) {
	since := ceilMicro(before)
	err = s.write(ctx, func(t *tx) error {
		err := t.row("SELECT 1 FROM audit WHERE at < $1 LIMIT 1", since).Scan(new(int))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		moved, err := t.changed("UPDATE audit_kept SET since = $1 WHERE since < $1", since)
		if err == nil && moved > 0 {
			err = insertAudit(t, store.SweptEntry(since))
		}
		if err != nil {
			return err
		}
		n, err = t.changed("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at, id LIMIT $2)", since, max(limit, 0))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep the audit log: %w", err)
	}
	return n, nil
}

// AuditLog lists entries of the audit log, newest first.
func (s *Store) AuditLog(ctx context.Context, q store.AuditQuery, p store.Page) (entries []store.AuditEntry, next string, err error) {
	after, err := auditList.parse(p.Cursor, afterAll)
	if err != nil {
		return nil, "", fmt.Errorf("list audit entries: %w", err)
	}
	if !storable(q.Action) || !storable(q.Subject) {
		return nil, "", nil
	}
	if to := place(ceilMicro(q.To), uuid.Nil); !q.To.IsZero() && to.time <= after.time {
		after = to // nothing lies between them: no time has a lower id
	}
	size := pageSize(p)
	where, args := auditConditions(q, after, size+1)
	err = s.query(ctx, func(t *tx) error {
		entries = nil
		return t.each(func(rows pgx.Rows) error {
			var e store.AuditEntry
			var actor, key uuid.NullUUID
			err := rows.Scan(&e.ID, &e.At, &actor, &e.ActorName, &key, &e.Action, &e.Subject, &e.Name, &e.Address, &e.Detail)
			e.At, e.Actor, e.Key = e.At.UTC(), actor.UUID, key.UUID
			entries = append(entries, e)
			return err
		}, "SELECT id, at, actor, actor_name, key, action, subject, name, address, detail FROM audit WHERE "+where+" ORDER BY at DESC, id DESC LIMIT $1", args...)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list audit entries: %w", err)
	}
	entries, next = cut(auditList, entries, size, func(e store.AuditEntry) position { return place(e.At, e.ID) })
	return entries, next, nil
}

// auditConditions gives what follows WHERE; the first argument is the limit. There is an index for each equality, in the order of the list.
func auditConditions(q store.AuditQuery, after position, limit int) (where string, args []any) {
	args = []any{limit}
	var conditions []string
	// add takes a condition with a ? for each of its values.
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprint("$", len(args)), 1)
		}
		conditions = append(conditions, condition)
	}
	add("(at, id) < (?, ?)", after.at(), after.id)
	if q.Actor != uuid.Nil {
		add("actor = ?", q.Actor)
	}
	if prefix, whole := strings.CutSuffix(q.Action, "."); whole {
		add("action >= ? AND action < ?", q.Action, prefix+"/") // the character after the dot
	} else if q.Action != "" {
		add("action = ?", q.Action)
	}
	if q.Subject != "" {
		add("subject = ? AND subject <> ''", q.Subject)
	}
	if !q.From.IsZero() {
		add("at >= ?", ceilMicro(q.From))
	}
	return strings.Join(conditions, " AND "), args
}

// ceilMicro gives the first microsecond that isn't before t: times are stored to the microsecond.
func ceilMicro(t time.Time) time.Time {
	whole := t.Truncate(time.Microsecond)
	if whole.Before(t) {
		whole = whole.Add(time.Microsecond)
	}
	return whole
}
