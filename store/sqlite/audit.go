package sqlite

import (
	"context"
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
			e = e.Trimmed()
			err := t.exec("INSERT INTO audit (id, at, actor, actor_name, key, action, subject, name, address, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				blob(e.ID), at, blobOrNull(e.Actor), e.ActorName, blobOrNull(e.Key), e.Action, e.Subject, e.Name, e.Address, e.Detail)
			if err != nil {
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
	size := pageSize(p)
	where, args := auditConditions(q, after)
	err = s.read(ctx, func(t *tx) error {
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
		}, "SELECT id, at, actor, actor_name, key, action, subject, name, address, detail FROM audit WHERE "+where+" ORDER BY at DESC, id DESC LIMIT ?",
			append(args, size+1)...)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list audit entries: %w", err)
	}
	entries, next = cut(auditList, entries, size, func(e store.AuditEntry) position { return position{e.At.UnixMilli(), e.ID} })
	return entries, next, nil
}

// auditConditions gives what follows WHERE. There is an index for each equality, in the order of the list; the beginning of an action is looked for in that order too
// (hence the +): sorting all that begins alike would be the whole log.
func auditConditions(q store.AuditQuery, after position) (where string, args []any) {
	conditions, args := []string{"(at, id) < (?, ?)"}, []any{after.time, blob(after.id)}
	add := func(condition string, values ...any) {
		conditions, args = append(conditions, condition), append(args, values...)
	}
	if q.Actor != uuid.Nil {
		add("actor = ?", blob(q.Actor))
	}
	if prefix, whole := strings.CutSuffix(q.Action, "."); whole {
		add("+action >= ? AND +action < ?", q.Action, prefix+"/") // the character after the dot
	} else if q.Action != "" {
		add("action = ?", q.Action)
	}
	if q.Subject != "" {
		add("subject = ? AND subject <> ''", q.Subject)
	}
	if !q.From.IsZero() {
		add("at >= ?", ceilMilli(q.From))
	}
	if !q.To.IsZero() {
		add("at < ?", ceilMilli(q.To))
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
