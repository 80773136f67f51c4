package sqlite

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// Lists give pages of defaultPage rows unless told, and never more than maxPage.
const (
	defaultPage = 50
	maxPage     = 1000
)

func pageSize(p store.Page) int {
	if p.Limit <= 0 {
		return defaultPage
	}
	return min(p.Limit, maxPage)
}

// list tags cursors with what they continue.
type list byte

const (
	usersList list = iota + 1
	documentsList
	membersList
	sessionsList
	keysList
	noticesList
	auditList
)

// position is a place in a list that is sorted by a time, then by an id.
type position struct {
	time int64
	id   uuid.UUID
}

// The places before which, in either direction, nothing lies.
var (
	beforeAll = position{time: math.MinInt64}
	afterAll  = position{time: math.MaxInt64}
)

func (l list) cursor(p position) string {
	b := binary.BigEndian.AppendUint64([]byte{byte(l)}, uint64(p.time))
	return base64.RawURLEncoding.EncodeToString(append(b, p.id[:]...))
}

// parse gives the place of a cursor, or start for the empty one.
func (l list) parse(cursor string, start position) (position, error) {
	if cursor == "" {
		return start, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != 1+8+16 || list(b[0]) != l {
		return position{}, store.ErrBadCursor
	}
	return position{time: int64(binary.BigEndian.Uint64(b[1:])), id: uuid.UUID(b[9:])}, nil
}

// cut takes a list that was read one row too far to the page's size, and gives the next page's cursor, which is empty on the last page.
func cut[T any](l list, rows []T, size int, where func(T) position) ([]T, string) {
	if len(rows) <= size {
		return rows, ""
	}
	rows = rows[:size]
	return rows, l.cursor(where(rows[size-1]))
}
