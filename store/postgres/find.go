package postgres

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// documentOrder is how a list of documents is sorted: by a column, then by id.
type documentOrder struct {
	column     string
	descending bool
}

// sortedTitle is what SortTitle looks at, by the bytes of its UTF-8, whatever collation the database has.
var sortedTitle = fmt.Sprintf(`substr(d.title_key, 1, %d) COLLATE "C"`, store.SortedTitle)

// Cursors name filters and sorts by their places here.
var (
	documentFilters = []store.DocumentFilter{store.FilterAll, store.FilterOwned, store.FilterShared, store.FilterTrash}
	documentSorts   = []store.DocumentSort{store.SortChanged, store.SortTitle, store.SortCreated}

	// whereDocuments is what each filter wants.
	whereDocuments = []string{
		"d.deleted_at IS NULL",
		fmt.Sprintf("d.deleted_at IS NULL AND m.role = %d", store.Owner),
		fmt.Sprintf("d.deleted_at IS NULL AND m.role < %d", store.Owner),
		fmt.Sprintf("d.deleted_at IS NOT NULL AND m.role = %d", store.Owner),
	}
)

// documentList is a list of documents that is asked for: its filter and its sort by their places.
type documentList struct{ filter, sort int }

func newDocumentList(q store.DocumentQuery) (documentList, error) {
	l := documentList{slices.Index(documentFilters, q.Filter), slices.Index(documentSorts, q.Sort)}
	if l.filter < 0 || l.sort < 0 {
		return l, fmt.Errorf("filter %q or sort %q is not valid", q.Filter, q.Sort)
	}
	return l, nil
}

func (l documentList) order() documentOrder {
	switch {
	case documentSorts[l.sort] == store.SortTitle:
		return documentOrder{sortedTitle, false}
	case documentSorts[l.sort] == store.SortCreated:
		return documentOrder{"d.created_at", true}
	case documentFilters[l.filter] == store.FilterTrash:
		return documentOrder{"d.deleted_at", true}
	}
	return documentOrder{"h.changed_at", true}
}

// documentPlace is a place in such a list: the value of the order's column as the database takes it, and an id.
type documentPlace struct {
	value any
	id    uuid.UUID
}

// cursor gives the one for the place after a document, of whose order's column value is the value: a string or a time.Time.
func (l documentList) cursor(value any, id store.DocumentID) string {
	b := append([]byte{byte(documentsList), byte(l.filter), byte(l.sort)}, id[:]...)
	switch v := value.(type) {
	case string:
		b = append(b, v...)
	case time.Time:
		b = binary.BigEndian.AppendUint64(b, uint64(v.UnixMicro()))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parse gives the place of a cursor, or the one before all for the empty one.
func (l documentList) parse(cursor string) (documentPlace, error) {
	byTitle := documentSorts[l.sort] == store.SortTitle
	if cursor == "" {
		if byTitle {
			return documentPlace{value: ""}, nil
		}
		return documentPlace{value: afterAll.at()}, nil
	}
	const fixed = 3 + 16
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) < fixed || list(b[0]) != documentsList || int(b[1]) != l.filter || int(b[2]) != l.sort {
		return documentPlace{}, store.ErrBadCursor
	}
	p := documentPlace{id: uuid.UUID(b[3:fixed])}
	switch rest := b[fixed:]; {
	case byTitle && storable(string(rest)):
		p.value = string(rest)
	case !byTitle && len(rest) == 8:
		at := position{time: int64(binary.BigEndian.Uint64(rest))}
		if at.time < -maxTime || at.time > maxTime {
			return documentPlace{}, store.ErrBadCursor
		}
		p.value = at.at()
	default:
		return documentPlace{}, store.ErrBadCursor
	}
	return p, nil
}

// FindDocuments lists those of a user's documents that q wants.
func (s *Store) FindDocuments(ctx context.Context, user store.UserID, q store.DocumentQuery, p store.Page) (docs []store.Document, next string, err error) {
	l, err := newDocumentList(q)
	if err != nil {
		return nil, "", fmt.Errorf("list documents: %w", err)
	}
	after, err := l.parse(p.Cursor)
	if err != nil {
		return nil, "", fmt.Errorf("list documents: %w", err)
	}
	order := l.order()
	comparison, direction := ">", ""
	if order.descending {
		comparison, direction = "<", " DESC"
	}
	size := pageSize(p)
	var values []any // of the order's column
	err = s.query(ctx, func(t *tx) error {
		docs, values = nil, nil
		return t.each(func(rows pgx.Rows) error {
			var value any
			d, err := scanDocument(rows, &value)
			docs, values = append(docs, d), append(values, value)
			return err
		}, "SELECT "+documentColumns+", "+order.column+" FROM "+documentTables+
			" WHERE m.user_id = $1 AND "+whereDocuments[l.filter]+" AND ($2 = '' OR strpos(d.title_key, $2) > 0)"+
			" AND ("+order.column+", d.id) "+comparison+" ($3, $4)"+
			" ORDER BY "+order.column+direction+", d.id"+direction+" LIMIT $5", user, folded(clean(q.Text)), after.value, after.id, size+1)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list documents: %w", err)
	}
	if len(docs) > size {
		docs = docs[:size]
		next = l.cursor(values[size-1], docs[size-1].ID)
	}
	return docs, next, nil
}
