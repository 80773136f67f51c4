package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// readRole gives an account's role in a document; NoRole when it has none or is not active.
func readRole(t *tx, id store.DocumentID, user store.UserID) (role store.Role, err error) {
	err = t.row("SELECT m.role FROM members m JOIN users u ON u.id = m.user_id AND "+isActive+" WHERE m.document = $1 AND m.user_id = $2",
		id, user).Scan(&role)
	if errors.Is(err, store.ErrNotFound) {
		return store.NoRole, nil
	}
	return role, err
}

// Resolve finds a document by key or id, with user's access to it.
func (s *Store) Resolve(ctx context.Context, name string, user store.UserID) (access store.Access, err error) {
	err = s.read(ctx, func(t *tx) error {
		access, err = resolve(t, name, user)
		return err
	})
	if err != nil {
		return store.Access{}, fmt.Errorf("resolve document %q: %w", name, err)
	}
	return access, nil
}

func resolve(t *tx, name string, user store.UserID) (store.Access, error) {
	var id store.DocumentID
	err := store.ErrNotFound
	if name != "" && storable(name) {
		err = t.row("SELECT id FROM documents WHERE key = $1", name).Scan(&id)
	}
	if errors.Is(err, store.ErrNotFound) {
		var ok bool
		if id, ok = parseID(name); ok {
			err = nil
		}
	}
	if err != nil {
		return store.Access{}, err
	}
	head, err := readHead(t, id)
	if err != nil {
		return store.Access{}, err
	}
	role, err := readRole(t, id, user)
	if err != nil {
		return store.Access{}, err
	}
	return store.Access{Document: id, Role: role, Version: head.AccessVersion, Deleted: head.Deleted}, nil
}

// notNil makes an empty slice of nil, which would be NULL.
func notNil[T any](s []T) []T { return append([]T{}, s...) }

// Roles gives the current access of several users to one document.
func (s *Store) Roles(ctx context.Context, id store.DocumentID, users []store.UserID) (roles map[store.UserID]store.Role, head store.Head, err error) {
	err = transact(ctx, s.watch, consistentRead(), func(t *tx) error {
		if head, err = readHead(t, id); err != nil {
			return err
		}
		roles = make(map[store.UserID]store.Role, len(users))
		for _, user := range users {
			roles[user] = store.NoRole
		}
		return t.each(func(rows pgx.Rows) error {
			var user store.UserID
			var role store.Role
			err := rows.Scan(&user, &role)
			roles[user] = role
			return err
		}, "SELECT m.user_id, m.role FROM members m JOIN users u ON u.id = m.user_id AND "+isActive+" WHERE m.document = $1 AND m.user_id = ANY ($2)", id, notNil(users))
	})
	if err != nil {
		return nil, store.Head{}, fmt.Errorf("read roles in document %v: %w", id, err)
	}
	return roles, head, nil
}

const memberQuery = "SELECT m.user_id, u.name, u.email, m.role, NOT " + noGuest + ", m.created_at FROM members m JOIN users u ON u.id = m.user_id WHERE m.document = $1"

func scanMember(r scanner) (m store.Member, err error) {
	err = r.Scan(&m.User, &m.Name, &m.Email, &m.Role, &m.Guest, &m.CreatedAt)
	m.CreatedAt = m.CreatedAt.UTC()
	return m, err
}

// Members lists a document's members, oldest first.
func (s *Store) Members(ctx context.Context, id store.DocumentID, p store.Page) (members []store.Member, next string, err error) {
	after, err := membersList.parse(p.Cursor, beforeAll)
	if err != nil {
		return nil, "", fmt.Errorf("list members: %w", err)
	}
	size := pageSize(p)
	err = s.read(ctx, func(t *tx) error {
		if _, err := readHead(t, id); err != nil {
			return err
		}
		return t.each(func(rows pgx.Rows) error {
			m, err := scanMember(rows)
			members = append(members, m)
			return err
		}, memberQuery+" AND (m.created_at, m.user_id) > ($2, $3) ORDER BY m.created_at, m.user_id LIMIT $4", id, after.at(), after.id, size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list members of document %v: %w", id, err)
	}
	members, next = cut(membersList, members, size, func(m store.Member) position { return place(m.CreatedAt, m.User) })
	return members, next, nil
}

// SetMember adds or changes a member.
func (s *Store) SetMember(ctx context.Context, id store.DocumentID, user store.UserID, role store.Role, by store.UserID) (change store.MemberChange, err error) {
	err = s.write(ctx, func(t *tx) error {
		change, err = s.setMember(t, id, user, role, by)
		return err
	})
	if err != nil {
		return store.MemberChange{}, fmt.Errorf("set member %v of document %v: %w", user, id, err)
	}
	return change, nil
}

func (s *Store) setMember(t *tx, id store.DocumentID, user store.UserID, role store.Role, by store.UserID) (c store.MemberChange, err error) {
	if role < store.Viewer || role > store.Owner {
		return c, fmt.Errorf("role %d is not valid", role)
	}
	if _, err := lockHead(t, id); err != nil {
		return c, err
	}
	if err := wantActive(t, user); err != nil {
		return c, fmt.Errorf("user: %w", err)
	}
	switch lent, guest, err := lenderRole(t, id, user); {
	case err != nil:
		return c, err
	case guest && role > lent:
		return c, store.ErrAboveLender
	case guest:
		err = limitGuest(t, id, user, role)
		if err != nil {
			return c, err
		}
	}
	if role != store.Owner {
		if err := keepsOwner(t, id, user); err != nil {
			return c, err
		}
	}
	if c.Before, err = memberRole(t, id, user); err != nil {
		return c, err
	}
	if _, c.Guests, err = s.makeMember(t, id, user, c.Before, role, by); err != nil {
		return c, err
	}
	c.Member, err = readMember(t, id, user)
	return c, err
}

func readMember(t *tx, id store.DocumentID, user store.UserID) (store.Member, error) {
	return scanMember(t.row(memberQuery+" AND m.user_id = $2", id, user))
}

// memberRole gives a member's role, whether or not the account is disabled; NoRole when it is no member.
func memberRole(t *tx, id store.DocumentID, user store.UserID) (role store.Role, err error) {
	err = t.row("SELECT role FROM members WHERE document = $1 AND user_id = $2", id, user).Scan(&role)
	if errors.Is(err, store.ErrNotFound) {
		return store.NoRole, nil
	}
	return role, err
}

// RemoveMember takes a member's access away.
func (s *Store) RemoveMember(ctx context.Context, id store.DocumentID, user, by store.UserID) (change store.MemberChange, err error) {
	err = s.write(ctx, func(t *tx) error {
		change, err = removeMember(t, id, user, by)
		return err
	})
	if err != nil {
		return store.MemberChange{}, fmt.Errorf("remove member %v of document %v: %w", user, id, err)
	}
	return change, nil
}

func removeMember(t *tx, id store.DocumentID, user, by store.UserID) (c store.MemberChange, err error) {
	if _, err := lockHead(t, id); err != nil {
		return c, err
	}
	if err := keepsOwner(t, id, user); err != nil {
		return c, err
	}
	if c.Member, err = readMember(t, id, user); err != nil {
		return c, err
	}
	c.Before = c.Member.Role
	if c.Member.Guest {
		if err := limitGuest(t, id, user, store.NoRole); err != nil {
			return c, err
		}
	}
	n, err := t.changed("DELETE FROM members WHERE document = $1 AND user_id = $2", id, user)
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return c, err
	}
	if c.Guests, err = limitGuests(t, id, user, store.NoRole); err != nil {
		return c, err
	}
	if err := accessMoved(t, id); err != nil {
		return c, err
	}
	_, err = tell(t, store.NoticeRemoved, id, by, listener{user, store.NoRole})
	return c, err
}

// transferDocument makes another account the document's owner. The head is locked.
func (s *Store) transferDocument(t *tx, id store.DocumentID, to, by store.UserID) ([]store.UserID, error) {
	if err := wantPerson(t, to); err != nil {
		return nil, fmt.Errorf("user: %w", err)
	}
	before, err := memberRole(t, id, to)
	if err != nil {
		return nil, err
	}
	moved, err := t.changed("UPDATE documents SET owner = $1 WHERE id = $2 AND owner <> $1", to, id)
	if err != nil || moved == 0 && before == store.Owner {
		return nil, err
	}
	told, _, err := s.makeMember(t, id, to, before, store.Owner, by)
	return told, err
}

// makeMember gives an account a role that had the role before, limits its guests when that is less, moves the access version and tells of it. The head is locked.
func (s *Store) makeMember(t *tx, id store.DocumentID, user store.UserID, before, role store.Role, by store.UserID) (told []store.UserID, guests []store.Member, err error) {
	if before == store.NoRole {
		var members int
		if err := t.row("SELECT count(*) FROM members WHERE document = $1", id).Scan(&members); err != nil {
			return nil, nil, err
		}
		if members >= s.limits.Members {
			return nil, nil, fmt.Errorf("%d members: %w", members, store.ErrTooMany)
		}
	}
	err = t.exec("INSERT INTO members (document, user_id, role, created_at) VALUES ($1, $2, $3, now())"+
		" ON CONFLICT (document, user_id) DO UPDATE SET role = excluded.role", id, user, role)
	if err != nil {
		return nil, nil, err
	}
	if role < before {
		if guests, err = limitGuests(t, id, user, role); err != nil {
			return nil, nil, err
		}
	}
	if err := accessMoved(t, id); err != nil || before == role {
		return nil, guests, err
	}
	kind := store.NoticeRole
	if before == store.NoRole {
		kind = store.NoticeShared
	}
	told, err = tell(t, kind, id, by, listener{user, role})
	return told, guests, err
}

// keepsOwner fails with ErrLastOwner when user is an owner and no other owner is a person whose account works. The head is locked.
func keepsOwner(t *tx, id store.DocumentID, user store.UserID) error {
	err := t.row("SELECT 1 FROM members WHERE document = $1 AND user_id = $2 AND role = $3", id, user, store.Owner).Scan(new(int))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = t.row("SELECT 1 FROM members m JOIN users u ON u.id = m.user_id AND "+isPerson+" WHERE m.document = $1 AND m.user_id <> $2 AND m.role = $3 LIMIT 1",
		id, user, store.Owner).Scan(new(int))
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrLastOwner
	}
	return err
}
