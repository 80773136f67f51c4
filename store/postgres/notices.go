package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bizsync/bizsync/store"
)

// listener is whom a notice may tell, with their role after what it tells of.
type listener struct {
	user store.UserID
	role store.Role
}

// tellAll takes the next number of each person's notices and writes the notices. It locks the rows of numbers in order of the people's ids, as every such statement does, after
// the document's head: so none waits for another in a circle.
const tellAll = "WITH told AS (SELECT x.* FROM unnest($1::uuid[], $2::smallint[], $3::uuid[]) AS x (user_id, role, id) JOIN users u ON u.id = x.user_id AND " + isPerson + ")," +
	" numbered AS (INSERT INTO notice_heads AS h (user_id, seq) SELECT user_id, 1 FROM told ORDER BY user_id" +
	" ON CONFLICT (user_id) DO UPDATE SET seq = h.seq + 1 RETURNING h.user_id, h.seq)" +
	" INSERT INTO notices (user_id, seq, id, kind, document, title, role, actor, actor_name, created_at)" +
	" SELECT n.user_id, n.seq, told.id, $4, d.id, d.title, told.role, $6, coalesce((SELECT name FROM users WHERE id = $6), ''), clock_timestamp()" +
	" FROM numbered n JOIN told ON told.user_id = n.user_id CROSS JOIN documents d WHERE d.id = $5 RETURNING user_id"

// tell writes a notice for each of these people but by, and gives those who got one. The head is locked.
func tell(t *tx, kind store.NoticeKind, id store.DocumentID, by store.UserID, whom ...listener) (told []store.UserID, err error) {
	var users, ids []uuid.UUID
	var roles []int16
	for _, l := range whom {
		if l.user != by {
			users, roles, ids = append(users, l.user), append(roles, int16(l.role)), append(ids, store.NewID())
		}
	}
	if len(users) == 0 {
		return nil, nil
	}
	var actor any // NULL
	if by != uuid.Nil {
		actor = by
	}
	err = t.each(func(rows pgx.Rows) error {
		var user store.UserID
		err := rows.Scan(&user)
		told = append(told, user)
		return err
	}, tellAll, users, roles, ids, string(kind), id, actor)
	if err != nil {
		return nil, fmt.Errorf("write notices: %w", err)
	}
	return told, nil
}

// tellMembers tells all members of a document but by.
func tellMembers(t *tx, kind store.NoticeKind, id store.DocumentID, by store.UserID) ([]store.UserID, error) {
	var members []listener
	err := t.each(func(rows pgx.Rows) error {
		var m listener
		err := rows.Scan(&m.user, &m.role)
		members = append(members, m)
		return err
	}, "SELECT user_id, role FROM members WHERE document = $1", id)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return tell(t, kind, id, by, members...)
}

const noticeColumns = "n.id, n.seq, n.user_id, n.kind, n.document, n.title, n.role, n.actor, n.actor_name, n.created_at, n.read_at"

func scanNotice(r scanner) (n store.Notice, err error) {
	var actor uuid.NullUUID
	var read *time.Time
	err = r.Scan(&n.ID, &n.Seq, &n.User, &n.Kind, &n.Document, &n.Title, &n.Role, &actor, &n.ActorName, &n.CreatedAt, &read)
	n.Actor, n.CreatedAt, n.ReadAt = actor.UUID, n.CreatedAt.UTC(), orZero(read)
	return n, err
}

// readNotices gives the notices that follow "FROM notices n".
func readNotices(t *tx, rest string, args ...any) (notices []store.Notice, err error) {
	err = t.each(func(rows pgx.Rows) error {
		n, err := scanNotice(rows)
		notices = append(notices, n)
		return err
	}, "SELECT "+noticeColumns+" FROM notices n "+rest, args...)
	return notices, err
}

// Notices lists a person's notices, newest first. Their numbers are the places in the list.
func (s *Store) Notices(ctx context.Context, user store.UserID, unread bool, p store.Page) (notices []store.Notice, next string, err error) {
	after, err := noticesList.parse(p.Cursor, afterAll)
	if err != nil {
		return nil, "", fmt.Errorf("list notices: %w", err)
	}
	where := ""
	if unread {
		where = " AND n.read_at IS NULL"
	}
	size := pageSize(p)
	err = s.query(ctx, func(t *tx) error {
		notices, err = readNotices(t, "WHERE n.user_id = $1 AND n.seq < $2"+where+" ORDER BY n.seq DESC LIMIT $3", user, after.time, size+1)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list notices of user %v: %w", user, err)
	}
	notices, next = cut(noticesList, notices, size, func(n store.Notice) position { return position{int64(n.Seq), n.ID} })
	return notices, next, nil
}

// UnreadNotices says how many are unread.
func (s *Store) UnreadNotices(ctx context.Context, user store.UserID) (n int, err error) {
	err = s.query(ctx, func(t *tx) error {
		return t.row("SELECT count(*) FROM notices WHERE user_id = $1 AND read_at IS NULL", user).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count unread notices of user %v: %w", user, err)
	}
	return n, nil
}

// NoticesAfter gives a person's notices with higher numbers, oldest first.
func (s *Store) NoticesAfter(ctx context.Context, user store.UserID, after uint64, limit int) (notices []store.Notice, err error) {
	err = s.query(ctx, func(t *tx) error {
		notices, err = readNotices(t, "WHERE n.user_id = $1 AND n.seq > $2 ORDER BY n.seq LIMIT $3", user, clampSeq(after), pageSize(store.Page{Limit: limit}))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read notices of user %v after %d: %w", user, after, err)
	}
	return notices, nil
}

// clampSeq makes of a number from outside one that the database knows.
func clampSeq(seq uint64) int64 { return int64(min(seq, math.MaxInt64)) }

// NoticeHeads gives the last number of each of those people's notices.
func (s *Store) NoticeHeads(ctx context.Context, users []store.UserID) (heads map[store.UserID]uint64, err error) {
	err = query(ctx, s.watch, func(t *tx) error {
		heads = make(map[store.UserID]uint64, len(users))
		for _, user := range users {
			heads[user] = 0
		}
		return t.each(func(rows pgx.Rows) error {
			var user store.UserID
			var seq uint64
			err := rows.Scan(&user, &seq)
			heads[user] = seq
			return err
		}, "SELECT user_id, seq FROM notice_heads WHERE user_id = ANY ($1)", notNil(users))
	})
	if err != nil {
		return nil, fmt.Errorf("read heads of notices: %w", err)
	}
	return heads, nil
}

// ReadNotice marks one as read.
func (s *Store) ReadNotice(ctx context.Context, user store.UserID, id uuid.UUID) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.changed("UPDATE notices SET read_at = coalesce(read_at, now()) WHERE id = $1 AND user_id = $2", id, user)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("mark notice %v as read: %w", id, err)
	}
	return nil
}

// ReadNotices marks as read all up to that number, which it locks in order: two may do so at once.
func (s *Store) ReadNotices(ctx context.Context, user store.UserID, upTo uint64) error {
	err := s.write(ctx, func(t *tx) error {
		return t.exec("UPDATE notices n SET read_at = now() FROM"+
			" (SELECT seq FROM notices WHERE user_id = $1 AND seq <= $2 AND read_at IS NULL ORDER BY seq FOR NO KEY UPDATE) unread"+
			" WHERE n.user_id = $1 AND n.seq = unread.seq", user, clampSeq(upTo))
	})
	if err != nil {
		return fmt.Errorf("mark notices of user %v as read: %w", user, err)
	}
	return nil
}

// sweepNotices deletes those beyond the newest that are kept, at most limit.
func sweepNotices(t *tx, limit int) (int, error) {
	return t.changed("DELETE FROM notices WHERE id IN (SELECT n.id FROM notice_heads h JOIN notices n ON n.user_id = h.user_id AND n.seq <= h.seq - $1"+
		" WHERE h.seq > $1 LIMIT $2 FOR UPDATE OF n SKIP LOCKED)", store.KeptNotices, limit)
}
