package postgres

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

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

// maxTime bounds the times of cursors, in microseconds to either side of 1970: some 4,500 years, which every database knows.
const maxTime = 1 << 57

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
	time int64 // Unix microseconds, which is as exact as the database is
	id   uuid.UUID
}

func place(t time.Time, id uuid.UUID) position { return position{t.UnixMicro(), id} }

// at gives the place's time as the database takes it.
func (p position) at() pgtype.Timestamptz {
	switch p.time {
	case math.MinInt64:
		return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	case math.MaxInt64:
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: time.UnixMicro(p.time), Valid: true}
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
	p := position{time: int64(binary.BigEndian.Uint64(b[1:])), id: uuid.UUID(b[9:])}
	if p.time < -maxTime || p.time > maxTime {
		return position{}, store.ErrBadCursor
	}
	return p, nil
}

// cut takes a list that was read one row too far to the page's size, and gives the next page's cursor, which is empty on the last page.
func cut[T any](l list, rows []T, size int, where func(T) position) ([]T, string) {
	if len(rows) <= size {
		return rows, ""
	}
	rows = rows[:size]
	return rows, l.cursor(where(rows[size-1]))
}
