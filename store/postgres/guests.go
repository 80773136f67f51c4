package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// Guest gives the account that stands for a person of another system. Most calls find it as it is, and write nothing.
func (s *Store) Guest(ctx context.Context, key uuid.UUID, external, name string) (guest store.User, err error) {
	if !store.ValidExternal(external) {
		return store.User{}, fmt.Errorf("guest of key %v: %q is no name for a person", key, external)
	}
	name = clean(name)
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
	err := t.row("SELECT u.id FROM guests o JOIN users u ON u.id = o.user_id WHERE o.key = $1 AND o.external = $2 AND "+isActive, key, external).Scan(&id)
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, id)
}

// makeGuest finds or makes a guest of that name, unless its key doesn't hold. It locks the key's user, then the key, so that neither ends meanwhile and one makes the guest at a time.
func (s *Store) makeGuest(t *tx, key uuid.UUID, external, name string) (store.User, error) {
	var lender store.UserID
	err := t.row("SELECT user_id FROM api_keys WHERE id = $1", key).Scan(&lender)
	if err == nil {
		err = keepPerson(t, lender)
	}
	if err == nil {
		err = t.row("SELECT 1 FROM api_keys WHERE id = $1 AND (expires_at > now()) IS NOT FALSE FOR NO KEY UPDATE", key).Scan(new(int))
	}
	if err != nil {
		return store.User{}, err
	}
	guest, err := readGuest(t, key, external)
	switch {
	case err == nil:
		err = t.exec("UPDATE users SET name = $1, updated_at = now() WHERE id = $2 AND name <> $1", name, guest.ID)
	case errors.Is(err, store.ErrNotFound):
		guest.ID = store.NewID()
		err = s.insertGuest(t, guest.ID, key, lender, external, name)
	}
	if err != nil {
		return store.User{}, err
	}
	return readUser(t, guest.ID)
}

// insertGuest makes an account for a guest. The key is locked.
func (s *Store) insertGuest(t *tx, id store.UserID, key uuid.UUID, lender store.UserID, external, name string) error {
	var guests int
	if err := t.row("SELECT count(*) FROM guests WHERE key = $1", key).Scan(&guests); err != nil {
		return err
	}
	if guests >= s.limits.Guests {
		return fmt.Errorf("%d guests: %w", guests, store.ErrTooMany)
	}
	err := t.exec("INSERT INTO users (id, email, email_key, name, role, password_hash, created_at, updated_at) VALUES ($1, '', $2, $3, $4, '', now(), now())",
		id, " "+id.String(), name, string(store.RoleMember))
	if err != nil {
		return err
	}
	return t.exec("INSERT INTO guests (user_id, key, lender, external) VALUES ($1, $2, $3, $4)", id, key, lender, external)
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
	if _, err := lockHead(t, id); err != nil {
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
	err = t.row("SELECT lender FROM guests WHERE user_id = $1", guest).Scan(&lender)
	if errors.Is(err, store.ErrNotFound) {
		return store.NoRole, false, nil
	}
	if err != nil {
		return store.NoRole, false, err
	}
	role, err = memberRole(t, id, lender)
	return role, true, err
}

// limitGuest notes that an owner has left a guest that role. The head is locked.
func limitGuest(t *tx, id store.DocumentID, guest store.UserID, role store.Role) error {
	return t.exec("INSERT INTO guest_limits (document, user_id, role) VALUES ($1, $2, $3) ON CONFLICT (document, user_id) DO UPDATE SET role = excluded.role", id, guest, role)
}

// mindLimit keeps to what an owner has left a guest, unless its lender is an owner, too.
func mindLimit(t *tx, id store.DocumentID, guest store.UserID, role, lent store.Role) error {
	if lent == store.Owner {
		return t.exec("DELETE FROM guest_limits WHERE document = $1 AND user_id = $2", id, guest)
	}
	err := t.row("SELECT 1 FROM guest_limits WHERE document = $1 AND user_id = $2 AND role < $3", id, guest, role).Scan(new(int))
	if err == nil {
		return store.ErrLimited
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// limitGuests leaves the guests of an account's API keys at most that role in a document: who has lost a right doesn't keep it through whom they let in. It gives those that
// had more, as they were. The head is locked.
func limitGuests(t *tx, id store.DocumentID, lender store.UserID, role store.Role) (guests []store.Member, err error) {
	const theirs = " m.document = $1 AND m.role > $2 AND m.user_id IN (SELECT user_id FROM guests WHERE lender = $3)"
	err = t.each(func(rows pgx.Rows) error {
		m, err := scanMember(rows)
		guests = append(guests, m)
		return err
	}, memberQuery+" AND"+theirs+" ORDER BY m.created_at, m.user_id", id, role, lender)
	switch {
	case err != nil || len(guests) == 0:
	case role == store.NoRole:
		err = t.exec("DELETE FROM members m WHERE"+theirs, id, role, lender)
	default:
		err = t.exec("UPDATE members m SET role = $2 WHERE"+theirs, id, role, lender)
	}
	if err != nil {
		return nil, fmt.Errorf("limit its guests: %w", err)
	}
	return guests, nil
}
