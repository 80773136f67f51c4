package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// documentColumns describe a document as one member sees it, and documentTables where they are; an account that is not
// active (now is ?1) is no member anywhere.
const (
	documentColumns = "d.id, coalesce(d.key, ''), d.title, coalesce(k.kind, 'rich'), d.owner, o.name, m.role, d.created_at, h.changed_at, d.deleted_at"
	documentTables  = "members m JOIN users u ON u.id = m.user AND " + isActive + " JOIN documents d ON d.id = m.document" +
		" JOIN heads h ON h.document = d.id JOIN users o ON o.id = d.owner LEFT JOIN document_kinds k ON k.document = d.id"
)

// scanDocument reads documentColumns and what more is selected.
func scanDocument(r scanner, more ...any) (d store.Document, err error) {
	var created, changed int64
	var deleted sql.NullInt64
	if err := r.Scan(append([]any{&d.ID, &d.Key, &d.Title, &d.Kind, &d.Owner, &d.OwnerName, &d.Role, &created, &changed, &deleted}, more...)...); err != nil {
		return store.Document{}, err
	}
	d.CreatedAt, d.UpdatedAt = at(created), at(changed)
	if deleted.Valid {
		d.DeletedAt = at(deleted.Int64)
	}
	return d, nil
}

func readDocument(t *tx, id store.DocumentID, user store.UserID) (store.Document, error) {
	return scanDocument(t.row("SELECT "+documentColumns+" FROM "+documentTables+" WHERE m.document = ?2 AND m.user = ?3", now(), blob(id), blob(user)))
}

// CreateDocument inserts a document with its head and its owner's membership, or finds the owner's document of that key.
func (s *Store) CreateDocument(ctx context.Context, d store.Document, initial []byte) (doc store.Document, created bool, err error) {
	var packed []byte
	if len(initial) > 0 {
		packed = store.Pack(initial)
	}
	err = s.write(ctx, func(t *tx) error {
		doc, created, err = createDocument(t, d, packed)
		return err
	})
	if err != nil {
		return store.Document{}, false, fmt.Errorf("create document: %w", err)
	}
	return doc, created, nil
}

func createDocument(t *tx, d store.Document, packed []byte) (doc store.Document, created bool, err error) {
	if d.Key != "" {
		doc, err := documentOfKey(t, d.Key, d.Owner)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return doc, false, err
		}
	}
	if d.ID == uuid.Nil {
		d.ID = store.NewID()
	} else if err := wantCleared(t, d.ID); err != nil {
		return doc, false, err
	}
	if err := wantPerson(t, d.Owner); err != nil {
		return doc, false, fmt.Errorf("owner: %w", err)
	}
	at := now()
	createdAt := orNow(d.CreatedAt, at)
	changedAt := orNow(d.UpdatedAt, createdAt)
	key := sql.NullString{String: d.Key, Valid: d.Key != ""}
	err = t.exec("INSERT INTO documents (id, key, title, title_key, owner, created_at) VALUES (?, ?, ?, ?, ?, ?)",
		blob(d.ID), key, d.Title, folded(d.Title), blob(d.Owner), createdAt)
	if taken(err) {
		return doc, false, fmt.Errorf("id %v: %w", d.ID, store.ErrConflict)
	}
	if err != nil {
		return doc, false, err
	}
	if err := insertKind(t, d.ID, d.Kind); err != nil {
		return doc, false, err
	}
	// The first access version is 1, so that an Append that has checked no version (0) is checked itself.
	head := store.Head{Document: d.ID, Epoch: uuid.New(), AccessVersion: 1}
	lastN := int64(0)
	if packed != nil {
		if lastN, err = nextN(t); err != nil {
			return doc, false, err
		}
		head.Seq, head.Row = 1, newRowID()
		err := t.exec(forms.insertRows[1], lastN, blob(d.ID), int64(head.Seq), 0, int64(head.Row), 0, blob(d.Owner), at, packed)
		if err != nil {
			return doc, false, fmt.Errorf("insert first row: %w", err)
		}
	}
	err = t.exec(insertHead, blob(d.ID), int64(head.Seq), int64(head.Row), lastN, blob(head.Epoch), int64(head.AccessVersion), changedAt)
	if err != nil {
		return doc, false, fmt.Errorf("insert head: %w", err)
	}
	err = t.exec("INSERT INTO members (document, user, role, created_at) VALUES (?, ?, ?, ?)", blob(d.ID), blob(d.Owner), int(store.Owner), createdAt)
	if err != nil {
		return doc, false, fmt.Errorf("insert owner: %w", err)
	}
	doc, err = readDocument(t, d.ID, d.Owner)
	return doc, true, err
}

// wantCleared fails with ErrConflict while something is left of a document that had that id.
func wantCleared(t *tx, id store.DocumentID) error {
	err := t.row("SELECT 1 FROM purges WHERE document = ?", blob(id)).Scan(new(int))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("id %v: %w", id, store.ErrConflict)
	}
	return err
}

// insertKind notes a kind that is not the usual one.
func insertKind(t *tx, id store.DocumentID, kind store.DocumentKind) error {
	if kind == "" || kind == store.KindRich {
		return nil
	}
	if !kind.Valid() {
		return fmt.Errorf("kind %q is not valid", kind)
	}
	if err := t.exec("INSERT INTO document_kinds (document, kind) VALUES (?, ?)", blob(id), string(kind)); err != nil {
		return fmt.Errorf("insert kind: %w", err)
	}
	return nil
}

// documentOfKey finds the document of a key for somebody who wants to create it: their own (ErrDeleted when it is in the trash); ErrConflict when it is
// another's; ErrNotFound when the key is free. A key that reads like an existing document's id is taken, or it would hide that document.
func documentOfKey(t *tx, key string, user store.UserID) (store.Document, error) {
	var id store.DocumentID
	err := t.row("SELECT id FROM documents WHERE key = ?", key).Scan(&id)
	if errors.Is(err, store.ErrNotFound) {
		if id, ok := parseID(key); ok {
			err := t.row("SELECT 1 FROM documents WHERE id = ?", blob(id)).Scan(new(int))
			if err == nil {
				err = fmt.Errorf("key %q: %w", key, store.ErrConflict)
			}
			return store.Document{}, err
		}
	}
	if err != nil {
		return store.Document{}, err
	}
	doc, err := readDocument(t, id, user)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && doc.Role != store.Owner:
		return store.Document{}, fmt.Errorf("key %q: %w", key, store.ErrConflict)
	case err != nil:
		return store.Document{}, err
	case !doc.DeletedAt.IsZero():
		return store.Document{}, fmt.Errorf("key %q: %w", key, store.ErrDeleted)
	}
	return doc, nil
}

// parseID reads a UUID in its usual form only.
func parseID(name string) (uuid.UUID, bool) {
	if len(name) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(name)
	return id, err == nil
}

// folded is the form in which titles are searched. SQLite's own lower knows ASCII only.
func folded(s string) string { return strings.ToLower(s) }

// Document gives a document as user sees it, trashed ones included.
func (s *Store) Document(ctx context.Context, id store.DocumentID, user store.UserID) (doc store.Document, err error) {
	err = s.read(ctx, func(t *tx) error {
		doc, err = readDocument(t, id, user)
		return err
	})
	if err != nil {
		return store.Document{}, fmt.Errorf("document %v: %w", id, err)
	}
	return doc, nil
}

// ChangeDocument changes a document's entry.
func (s *Store) ChangeDocument(ctx context.Context, id store.DocumentID, c store.DocumentChange, by store.UserID) (told []store.UserID, err error) {
	err = s.write(ctx, func(t *tx) error {
		told, err = s.changeDocument(t, id, c, by)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("change document %v: %w", id, err)
	}
	return told, nil
}

func (s *Store) changeDocument(t *tx, id store.DocumentID, c store.DocumentChange, by store.UserID) ([]store.UserID, error) {
	if _, err := readHead(t, id); err != nil {
		return nil, err
	}
	if c.Title != nil {
		err := t.exec("UPDATE documents SET title = ?, title_key = ? WHERE id = ?", *c.Title, folded(*c.Title), blob(id))
		if err == nil {
			err = changedNow(t, id)
		}
		if err != nil {
			return nil, fmt.Errorf("title: %w", err)
		}
	}
	if c.Key != nil {
		if err := setKey(t, id, *c.Key); err != nil {
			return nil, fmt.Errorf("key %q: %w", *c.Key, err)
		}
	}
	if c.Owner == nil {
		return nil, nil
	}
	told, err := s.transferDocument(t, id, *c.Owner, by)
	if err != nil {
		return nil, fmt.Errorf("owner %v: %w", *c.Owner, err)
	}
	return told, nil
}

// setKey gives a document another key, or none.
func setKey(t *tx, id store.DocumentID, key string) error {
	var before string
	err := t.row("SELECT coalesce(key, '') FROM documents WHERE id = ?", blob(id)).Scan(&before)
	if err != nil || before == key {
		return err
	}
	if other, ok := parseID(key); ok && other != id {
		err := t.row("SELECT 1 FROM documents WHERE id = ?", blob(other)).Scan(new(int))
		if err == nil {
			err = store.ErrConflict
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	err = t.exec("UPDATE documents SET key = ? WHERE id = ?", sql.NullString{String: key, Valid: key != ""}, blob(id))
	if taken(err) {
		err = store.ErrConflict
	}
	if err != nil {
		return err
	}
	return changedNow(t, id)
}

func changedNow(t *tx, id store.DocumentID) error {
	return t.exec("UPDATE heads SET changed_at = ? WHERE document = ?", now(), blob(id))
}

// TrashDocument moves a document to the trash.
func (s *Store) TrashDocument(ctx context.Context, id store.DocumentID, by store.UserID) ([]store.UserID, error) {
	told, err := s.setDeleted(ctx, id, true, store.NoticeDeleted, by)
	if err != nil {
		return nil, fmt.Errorf("trash document %v: %w", id, err)
	}
	return told, nil
}

// RestoreDocument brings a document back from the trash.
func (s *Store) RestoreDocument(ctx context.Context, id store.DocumentID, by store.UserID) ([]store.UserID, error) {
	told, err := s.setDeleted(ctx, id, false, store.NoticeRestored, by)
	if err != nil {
		return nil, fmt.Errorf("restore document %v: %w", id, err)
	}
	return told, nil
}

func (s *Store) setDeleted(ctx context.Context, id store.DocumentID, deleted bool, kind store.NoticeKind, by store.UserID) (told []store.UserID, err error) {
	err = s.write(ctx, func(t *tx) error {
		head, err := readHead(t, id)
		if err != nil || head.Deleted == deleted {
			return err
		}
		at := sql.NullInt64{Int64: now(), Valid: deleted}
		if err := t.exec("UPDATE documents SET deleted_at = ? WHERE id = ?", at, blob(id)); err != nil {
			return err
		}
		if err := t.exec("UPDATE heads SET deleted = ? WHERE document = ?", deleted, blob(id)); err != nil {
			return err
		}
		if err := accessMoved(t, id); err != nil {
			return err
		}
		told, err = tellMembers(t, kind, id, by)
		return err
	})
	return told, err
}

// accessMoved notes that who may do what in a document has changed.
func accessMoved(t *tx, id store.DocumentID) error {
	return t.exec("UPDATE heads SET access_version = access_version + 1, changed_at = ? WHERE document = ?", now(), blob(id))
}
