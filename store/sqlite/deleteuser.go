package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/bizsync/bizsync/store"
)

// DeleteUser ends an account for good.
func (s *Store) DeleteUser(ctx context.Context, id, heir store.UserID) (affected []store.DocumentID, err error) {
	err = s.write(ctx, func(t *tx) error {
		affected, err = deleteUser(t, id, heir)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("delete user %v: %w", id, err)
	}
	return affected, nil
}

func deleteUser(t *tx, id, heir store.UserID) (affected []store.DocumentID, err error) {
	if id == heir {
		return nil, fmt.Errorf("heir: %w", store.ErrConflict)
	}
	user, err := readUser(t, id)
	if err == nil && user.Guest {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if err := wantPerson(t, heir); err != nil {
		return nil, fmt.Errorf("heir: %w", err)
	}
	if err := keepsAdmin(t, user); err != nil {
		return nil, err
	}
	affected, err = readIDs(t, "SELECT document FROM members WHERE user = ?1 OR user IN (SELECT user FROM guests WHERE lender = ?1) UNION SELECT id FROM documents WHERE owner = ?1", blob(id))
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	for _, step := range []struct {
		what, query string
		args        []any
	}{
		{"hand on documents without another owner", "INSERT INTO members (document, user, role, created_at)" +
			" SELECT m.document, ?1, ?2, ?3 FROM members m WHERE m.user = ?4 AND m.role = ?2 AND NOT EXISTS" +
			" (SELECT 1 FROM members o JOIN users u ON u.id = o.user AND " + isPerson + " WHERE o.document = m.document AND o.user <> ?4 AND o.role = ?2)" +
			" ON CONFLICT (document, user) DO UPDATE SET role = excluded.role", []any{blob(heir), int(store.Owner), now(), blob(id)}},
		{"make the heir an owner of its own documents", "INSERT INTO members (document, user, role, created_at) SELECT id, ?1, ?2, ?3 FROM documents WHERE owner = ?4" +
			" ON CONFLICT (document, user) DO UPDATE SET role = excluded.role", []any{blob(heir), int(store.Owner), now(), blob(id)}},
		{"hand on its own documents", "UPDATE documents SET owner = ? WHERE owner = ?", []any{blob(heir), blob(id)}},
		{"delete its guests", "DELETE FROM users WHERE id IN (SELECT user FROM guests WHERE lender = ?)", []any{blob(id)}},
		{"delete the account", "DELETE FROM users WHERE id = ?", []any{blob(id)}}, // and logins, links, API keys, notices, memberships
	} {
		if err := t.exec(step.query, step.args...); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	for _, document := range affected {
		if err := accessMoved(t, document); err != nil {
			return nil, fmt.Errorf("move access versions: %w", err)
		}
	}
	return affected, nil
}

// keepsAdmin fails with ErrLastAdmin when user is an admin and there is no other.
func keepsAdmin(t *tx, user store.User) error {
	if !isAdmin(user) {
		return nil
	}
	err := t.row("SELECT 1 FROM users WHERE role = ? AND disabled = 0 AND id <> ? LIMIT 1", string(store.RoleAdmin), blob(user.ID)).Scan(new(int))
	if errors.Is(err, store.ErrNotFound) {
		err = store.ErrLastAdmin
	}
	return err
}
