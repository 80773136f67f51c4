package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// RecordAudit appends entries to the audit log.
func (s *Store) RecordAudit(ctx context.Context, entries ...store.AuditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	err := s.writeBeside(ctx, func(t *tx) error {
		at := now()
		for _, e := range entries {
			if e.ID == uuid.Nil {
				e.ID = store.NewID()
			}
			// Asked for, since the table's own refusal of an entry that is there can't be told from others.
			var there bool
			if err := t.row("SELECT EXISTS (SELECT 1 FROM audit WHERE id = ?)", blob(e.ID)).Scan(&there); err != nil {
				return err
			}
			if there {
				return fmt.Errorf("entry %v: %w", e.ID, store.ErrConflict)
			}
			if err := insertAudit(t, e, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record audit entries: %w", err)
	}
	return nil
}

// SweepAudit deletes old entries, after an entry that says so.
func (s *Store) SweepAudit(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.writeBeside(ctx, func(t *tx) error {
		since := ceilMilli(before)
		err := t.row("SELECT 1 FROM audit WHERE at < ? LIMIT 1", since).Scan(new(int))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		moved, err := t.changed("UPDATE audit_kept SET since = ?1 WHERE since < ?1", since)
		if err == nil && moved > 0 {
			err = insertAudit(t, store.SweptEntry(at(since)), now())
		}
		if err != nil {
			return err
		}
		n, err = t.changed("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at, id LIMIT ?)", since, max(limit, 0))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sweep the audit log: %w", err)
	}
	return n, nil
}

func insertAudit(t *tx, e store.AuditEntry, at int64) error {
	e = e.Trimmed()
	return t.exec("INSERT INTO audit (id, at, actor, actor_name, key, action, subject, name, address, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		blob(e.ID), at, blobOrNull(e.Actor), e.ActorName, blobOrNull(e.Key), e.Action, e.Subject, e.Name, e.Address, e.Detail)
}

// blobOrNull gives an id as it is stored where there may be none.
func blobOrNull(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return blob(id)
}

// AuditLog lists entries of the audit log, newest first.
func (s *Store) AuditLog(ctx context.Context, q store.AuditQuery, p store.Page) (entries []store.AuditEntry, next string, err error) {
	after, err := auditList.parse(p.Cursor, afterAll)
	if err != nil {
		return nil, "", fmt.Errorf("list audit entries: %w", err)
	}
	if to := (position{time: ceilMilli(q.To)}); !q.To.IsZero() && to.time <= after.time {
		after = to // nothing lies between them: no time has a lower id
	}
	size := pageSize(p)
	where, args := auditConditions(q, after)
	err = s.read(ctx, func(t *tx) error {
		from, err := auditIndex(t, q)
		if err != nil {
			return err
		}
		return t.each(func(rows *sqlRows) error {
			var e store.AuditEntry
			var ms int64
			var actor, key []byte
			err := rows.Scan(&e.ID, &ms, &actor, &e.ActorName, &key, &e.Action, &e.Subject, &e.Name, &e.Address, &e.Detail)
			e.At = at(ms)
			copy(e.Actor[:], actor)
			copy(e.Key[:], key)
			entries = append(entries, e)
			return err
		}, "SELECT id, at, actor, actor_name, key, action, subject, name, address, detail FROM "+from+" WHERE "+where+" ORDER BY at DESC, id DESC LIMIT ?",
			append(args, size+1)...)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list audit entries: %w", err)
	}
	entries, next = cut(auditList, entries, size, func(e store.AuditEntry) position { return position{e.At.UnixMilli(), e.ID} })
	return entries, next, nil
}

// fewActions is how many entries are worth sorting.
const fewActions = 5000

// auditIndex gives what follows FROM. Each equality has an index in the order of the list, which SQLite finds by itself. Actions that begin alike are looked for in the list's
// order, unless they are so few that this would be a look at the whole log: then they are read and sorted.
func auditIndex(t *tx, q store.AuditQuery) (string, error) {
	first, end, ok := actionsLike(q.Action)
	if !ok || q.Actor != uuid.Nil || q.Subject != "" {
		return "audit", nil
	}
	var found int
	err := t.row("SELECT count(*) FROM (SELECT 1 FROM audit WHERE action >= ? AND action < ? LIMIT ?)", first, end, fewActions).Scan(&found)
	if err == nil && found < fewActions {
		return "audit INDEXED BY audit_by_action", nil
	}
	return "audit INDEXED BY audit_by_time", err
}

// actionsLike gives the first action that begins with prefix and the first after those, if prefix is one.
func actionsLike(prefix string) (first, end string, ok bool) {
	stem, ok := strings.CutSuffix(prefix, ".")
	return prefix, stem + "/", ok // the character after the dot
}

// auditConditions gives what follows WHERE.
func auditConditions(q store.AuditQuery, after position) (where string, args []any) {
	conditions, args := []string{"(at, id) < (?, ?)"}, []any{after.time, blob(after.id)}
	add := func(condition string, values ...any) {
		conditions, args = append(conditions, condition), append(args, values...)
	}
	if q.Actor != uuid.Nil {
		add("actor = ?", blob(q.Actor))
	}
	if first, end, ok := actionsLike(q.Action); ok {
		add("action >= ? AND action < ?", first, end)
	} else if q.Action != "" {
		add("action = ?", q.Action)
	}
	if q.Subject != "" {
		add("subject = ? AND subject <> ''", q.Subject)
	}
	if !q.From.IsZero() {
		add("at >= ?", ceilMilli(q.From))
	}
	return strings.Join(conditions, " AND "), args
}

// ceilMilli gives the first millisecond that isn't before t: times are stored to the millisecond.
func ceilMilli(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}
