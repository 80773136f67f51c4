package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// deleteTries is how often the deletion of an account begins anew because it has just become a member somewhere, or another transaction waits for it in a circle.
const deleteTries = 10

// errMoreDocuments undoes a transaction that has not locked all that it needs.
var errMoreDocuments = errors.New("the account becomes a member of documents all the time")

// DeleteUser ends an account for good.
func (s *Store) DeleteUser(ctx context.Context, id, heir store.UserID) (affected []store.DocumentID, err error) {
	for range deleteTries {
		err = s.write(ctx, func(t *tx) error {
			affected, err = deleteUser(t, id, heir)
			return err
		})
		if !errors.Is(err, errMoreDocuments) && code(err) != deadlockDetected {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("delete user %v: %w", id, err)
	}
	return affected, nil
}

// deleteUser locks as all others do, heads in their order first, then accounts: so it waits for nobody who waits for it.
func deleteUser(t *tx, id, heir store.UserID) (affected []store.DocumentID, err error) {
	if id == heir {
		return nil, fmt.Errorf("heir: %w", store.ErrConflict)
	}
	if err := t.exec("SELECT pg_advisory_xact_lock($1)", int64(adminLock)); err != nil {
		return nil, err
	}
	locked, err := concerned(t, id, true)
	if err != nil {
		return nil, err
	}
	user, err := lockUser(t, id, " FOR UPDATE")
	if err == nil && user.Guest {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if err := t.exec("SELECT FROM users WHERE id IN (SELECT user_id FROM guests WHERE lender = $1) ORDER BY id FOR UPDATE", id); err != nil {
		return nil, fmt.Errorf("lock its guests: %w", err)
	}
	now, err := concerned(t, id, false) // nobody makes it a member of more from here on
	if err != nil {
		return nil, err
	}
	for document := range now {
		if _, ok := locked[document]; !ok {
			return nil, errMoreDocuments
		}
	}
	if err := keepPerson(t, heir); err != nil {
		return nil, fmt.Errorf("heir: %w", err)
	}
	if err := keepsAdmin(t, user); err != nil {
		return nil, err
	}
	affected = slices.Collect(maps.Keys(now))
	for _, step := range []struct {
		what, query string
		args        []any
	}{
		{"hand on documents without another owner", "INSERT INTO members (document, user_id, role, created_at)" +
			" SELECT m.document, $1, $2, now() FROM members m WHERE m.user_id = $3 AND m.role = $2 AND NOT EXISTS" +
			" (SELECT FROM members o JOIN users u ON u.id = o.user_id AND " + isPerson + " WHERE o.document = m.document AND o.user_id <> $3 AND o.role = $2)" +
			" ON CONFLICT (document, user_id) DO UPDATE SET role = excluded.role", []any{heir, int16(store.Owner), id}},
		{"make the heir an owner of its own documents", "INSERT INTO members (document, user_id, role, created_at) SELECT id, $1, $2, now() FROM documents WHERE owner = $3" +
			" ON CONFLICT (document, user_id) DO UPDATE SET role = excluded.role", []any{heir, int16(store.Owner), id}},
		{"hand on its own documents", "UPDATE documents SET owner = $1 WHERE owner = $2", []any{heir, id}},
		{"delete its guests", "DELETE FROM users WHERE id IN (SELECT user_id FROM guests WHERE lender = $1)", []any{id}},
		{"delete the account", "DELETE FROM users WHERE id = $1", []any{id}}, // and logins, links, API keys, notices, memberships
		{"move access versions", "UPDATE heads SET access_version = access_version + 1, changed_at = clock_timestamp() WHERE document = ANY ($1)", []any{notNil(affected)}},
	} {
		if err := t.exec(step.query, step.args...); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return affected, nil
}

// concerned gives the documents that an account or a guest of its keys is a member of, and those that are its own. It locks their heads, if told so.
func concerned(t *tx, id store.UserID, lock bool) (documents map[store.DocumentID]struct{}, err error) {
	const query = "SELECT document FROM members WHERE user_id = $1 OR user_id IN (SELECT user_id FROM guests WHERE lender = $1)" +
		" UNION SELECT id FROM documents WHERE owner = $1"
	documents = make(map[store.DocumentID]struct{})
	err = t.each(func(rows pgx.Rows) error {
		var document store.DocumentID
		err := rows.Scan(&document)
		documents[document] = struct{}{}
		return err
	}, query, id)
	if err == nil && lock {
		err = t.exec("SELECT FROM heads WHERE document = ANY ($1) ORDER BY document FOR NO KEY UPDATE", notNil(slices.Collect(maps.Keys(documents))))
	}
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	return documents, nil
}

// keepsAdmin fails with ErrLastAdmin when user is an admin and there is no other. The admins' lock is held.
func keepsAdmin(t *tx, user store.User) error {
	if !isAdmin(user) {
		return nil
	}
	err := t.row("SELECT 1 FROM users WHERE role = $1 AND NOT disabled AND id <> $2 LIMIT 1", string(store.RoleAdmin), user.ID).Scan(new(int))
	if errors.Is(err, store.ErrNotFound) {
		err = store.ErrLastAdmin
	}
	return err
}
