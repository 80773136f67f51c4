package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Guest gives the account that stands for a person of another system. Most calls find it as it is, and write nothing.
func (s *Store) Guest(ctx context.Context, key uuid.UUID, external, name string) (guest store.User, err error) {
	if !store.ValidExternal(external) {
		return store.User{}, fmt.Errorf("guest of key %v: %q is no name for a person", key, external)
	}
	err = s.read(ctx, func(t *tx) error {
		guest, err = readGuest(t, key, external)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && guest.Name != name {
		err = s.write(ctx, func(t *tx) error {
			guest, err = s.makeGuest(t, key, external, name)
			return err
		})
	}
	if err != nil {
		return store.User{}, fmt.Errorf("guest of key %v: %w", key, err)
	}
	return guest, nil
}

// readGuest finds a guest that is active.
func readGuest(t *tx, key uuid.UUID, external string) (store.User, error) {
	var id store.UserID
	err := t.row("SELECT u.id FROM guests o JOIN users u ON u.id = o.user WHERE o.key = ?2 AND o.external = ?3 AND "+isActive, now(), blob(key), external).Scan(&id)
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, id)
}

// makeGuest finds or makes a guest of that name, unless its key doesn't hold.
func (s *Store) makeGuest(t *tx, key uuid.UUID, external, name string) (store.User, error) {
	var lender store.UserID
	at := now()
	err := t.row("SELECT k.user FROM api_keys k JOIN users u ON u.id = k.user AND u.disabled = 0 WHERE k.id = ? AND (k.expires_at > ?) IS NOT FALSE", blob(key), at).Scan(&lender)
	if err != nil {
		return store.User{}, err
	}
	guest, err := readGuest(t, key, external)
	switch {
	case err == nil:
		err = t.exec("UPDATE users SET name = ?1, updated_at = ?2 WHERE id = ?3 AND name <> ?1", name, at, blob(guest.ID))
	case errors.Is(err, store.ErrNotFound):
		guest.ID = store.NewID()
		err = s.insertGuest(t, guest.ID, key, lender, external, name)
	}
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, guest.ID)
}

func (s *Store) insertGuest(t *tx, id store.UserID, key uuid.UUID, lender store.UserID, external, name string) error {
	var guests int
	if err := t.row("SELECT count(*) FROM guests WHERE key = ?", blob(key)).Scan(&guests); err != nil {
		return err
	}
	if guests >= s.limits.Guests {
		return fmt.Errorf("%d guests: %w", guests, store.ErrTooMany)
	}
	err := t.exec("INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at) VALUES (?1, '', ' ' || ?2, ?3, ?4, '', ?5, ?5)",
		blob(id), id.String(), name, string(store.RoleMember), now())
	if err != nil {
		return err
	}
	return t.exec("INSERT INTO guests (user, key, lender, external) VALUES (?, ?, ?, ?)", blob(id), blob(key), blob(lender), external)
}

// AdmitGuest gives a guest a role in a document for the account that lends it its API key.
func (s *Store) AdmitGuest(ctx context.Context, id store.DocumentID, guest store.UserID, role store.Role) (change store.MemberChange, err error) {
	err = s.write(ctx, func(t *tx) error {
		change, err = s.admitGuest(t, id, guest, role)
		return err
	})
	if err != nil {
		return store.MemberChange{}, fmt.Errorf("admit guest %v to document %v: %w", guest, id, err)
	}
	return change, nil
}

func (s *Store) admitGuest(t *tx, id store.DocumentID, guest store.UserID, role store.Role) (c store.MemberChange, err error) {
	if role < store.Viewer || role > store.Owner {
		return c, fmt.Errorf("role %d is not valid", role)
	}
	if _, err := readHead(t, id); err != nil {
		return c, err
	}
	if err := wantActive(t, guest); err != nil {
		return c, fmt.Errorf("guest: %w", err)
	}
	lent, ok, err := lenderRole(t, id, guest)
	switch {
	case err != nil:
		return c, err
	case !ok:
		return c, fmt.Errorf("it is no guest: %w", store.ErrNotFound)
	case role > lent:
		return c, store.ErrAboveLender
	}
	if err := mindLimit(t, id, guest, role, lent); err != nil {
		return c, err
	}
	if c.Before, err = memberRole(t, id, guest); err != nil {
		return c, err
	}
	if c.Before != role {
		if _, _, err := s.makeMember(t, id, guest, c.Before, role, uuid.Nil); err != nil {
			return c, err
		}
	}
	c.Member, err = readMember(t, id, guest)
	return c, err
}

// lenderRole gives the role in a document of the account that lends a guest its API key; ok is false for who is no guest.
func lenderRole(t *tx, id store.DocumentID, guest store.UserID) (role store.Role, ok bool, err error) {
	var lender store.UserID
	err = t.row("SELECT lender FROM guests WHERE user = ?", blob(guest)).Scan(&lender)
	if errors.Is(err, store.ErrNotFound) {
		return store.NoRole, false, nil
	}
	if err != nil {
		return store.NoRole, false, err
	}
	role, err = memberRole(t, id, lender)
	return role, true, err
}

// limitGuest notes that an owner has left a guest that role.
func limitGuest(t *tx, id store.DocumentID, guest store.UserID, role store.Role) error {
	return t.exec("INSERT INTO guest_limits (document, user, role) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role", blob(id), blob(guest), int(role))
}

// mindLimit keeps to what an owner has left a guest, unless its lender is an owner, too.
func mindLimit(t *tx, id store.DocumentID, guest store.UserID, role, lent store.Role) error {
	if lent == store.Owner {
		return t.exec("DELETE FROM guest_limits WHERE document = ? AND user = ?", blob(id), blob(guest))
	}
	err := t.row("SELECT 1 FROM guest_limits WHERE document = ? AND user = ? AND role < ?", blob(id), blob(guest), int(role)).Scan(new(int))
	if err == nil {
		return store.ErrLimited
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// limitGuests leaves the guests of an account's API keys at most that role in a document: who has lost a right doesn't keep it through whom they let in. It gives those that
// had more, as they were.
func limitGuests(t *tx, id store.DocumentID, lender store.UserID, role store.Role) (guests []store.Member, err error) {
	err = t.each(func(rows *sqlRows) error {
		m, err := scanMember(rows)
		guests = append(guests, m)
		return err
	}, memberQuery+" AND m.role > ? AND m.user IN (SELECT user FROM guests WHERE lender = ?) ORDER BY m.created_at, m.user", blob(id), int(role), blob(lender))
	for _, g := range guests {
		if err != nil {
			break
		}
		if role == store.NoRole {
			err = t.exec("DELETE FROM members WHERE document = ? AND user = ?", blob(id), blob(g.User))
		} else {
			err = t.exec("UPDATE members SET role = ? WHERE document = ? AND user = ?", int(role), blob(id), blob(g.User))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("limit its guests: %w", err)
	}
	return guests, nil
}
