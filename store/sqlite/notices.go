package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// listener is whom a notice may tell, with their role after what it tells of.
type listener struct {
	user store.UserID
	role store.Role
}

// tell writes a notice for each of these people but by, unless their account is disabled or a guest's, and gives those who got one.
func tell(t *tx, kind store.NoticeKind, id store.DocumentID, by store.UserID, whom ...listener) (told []store.UserID, err error) {
	var title, name string
	if err := t.row("SELECT title FROM documents WHERE id = ?", blob(id)).Scan(&title); err != nil {
		return nil, fmt.Errorf("read title: %w", err)
	}
	var actor any // NULL
	if by != uuid.Nil {
		actor = blob(by)
		if err := t.row("SELECT name FROM users WHERE id = ?", blob(by)).Scan(&name); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("read actor: %w", err)
		}
	}
	at := now()
	for _, l := range whom {
		if l.user == by {
			continue
		}
		var seq int64
		err := t.row("INSERT INTO notice_heads (user, seq) SELECT u.id, 1 FROM users u WHERE u.id = ? AND "+isPerson+
			" ON CONFLICT (user) DO UPDATE SET seq = seq + 1 RETURNING seq", blob(l.user)).Scan(&seq)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err == nil {
			err = t.exec("INSERT INTO notices (user, seq, id, kind, document, title, role, actor, actor_name, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				blob(l.user), seq, blob(store.NewID()), string(kind), blob(id), title, int(l.role), actor, name, at)
		}
		if err != nil {
			return nil, fmt.Errorf("write notice: %w", err)
		}
		told = append(told, l.user)
	}
	return told, nil
}

// tellMembers tells all members of a document but by.
func tellMembers(t *tx, kind store.NoticeKind, id store.DocumentID, by store.UserID) ([]store.UserID, error) {
	var members []listener
	err := t.each(func(rows *sqlRows) error {
		var m listener
		err := rows.Scan(&m.user, &m.role)
		members = append(members, m)
		return err
	}, "SELECT user, role FROM members WHERE document = ?", blob(id))
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return tell(t, kind, id, by, members...)
}

const noticeColumns = "n.id, n.seq, n.user, n.kind, n.document, n.title, n.role, n.actor, n.actor_name, n.created_at, n.read_at"

func scanNotice(r scanner) (n store.Notice, err error) {
	var actor []byte
	var created int64
	var read sql.NullInt64
	err = r.Scan(&n.ID, &n.Seq, &n.User, &n.Kind, &n.Document, &n.Title, &n.Role, &actor, &n.ActorName, &created, &read)
	copy(n.Actor[:], actor)
	n.CreatedAt, n.ReadAt = at(created), orZero(read)
	return n, err
}

// readNotices gives the notices that follow "FROM notices n".
func readNotices(t *tx, rest string, args ...any) (notices []store.Notice, err error) {
	err = t.each(func(rows *sqlRows) error {
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
	err = s.read(ctx, func(t *tx) error {
		notices, err = readNotices(t, "WHERE n.user = ? AND n.seq < ?"+where+" ORDER BY n.seq DESC LIMIT ?", blob(user), after.time, size+1)
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
	err = s.read(ctx, func(t *tx) error {
		return t.row("SELECT count(*) FROM notices WHERE user = ? AND read_at IS NULL", blob(user)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count unread notices of user %v: %w", user, err)
	}
	return n, nil
}

// NoticesAfter gives a person's notices with higher numbers, oldest first.
func (s *Store) NoticesAfter(ctx context.Context, user store.UserID, after uint64, limit int) (notices []store.Notice, err error) {
	err = s.read(ctx, func(t *tx) error {
		notices, err = readNotices(t, "WHERE n.user = ? AND n.seq > ? ORDER BY n.seq LIMIT ?", blob(user), clampSeq(after), pageSize(store.Page{Limit: limit}))
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
	err = s.read(ctx, func(t *tx) error {
		heads = make(map[store.UserID]uint64, len(users))
		for _, user := range users {
			var seq uint64
			err := t.row("SELECT seq FROM notice_heads WHERE user = ?", blob(user)).Scan(&seq)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			heads[user] = seq
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read heads of notices: %w", err)
	}
	return heads, nil
}

// ReadNotice marks one as read.
func (s *Store) ReadNotice(ctx context.Context, user store.UserID, id uuid.UUID) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.changed("UPDATE notices SET read_at = coalesce(read_at, ?) WHERE id = ? AND user = ?", now(), blob(id), blob(user))
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

// ReadNotices marks as read all up to that number.
func (s *Store) ReadNotices(ctx context.Context, user store.UserID, upTo uint64) error {
	err := s.write(ctx, func(t *tx) error {
		return t.exec("UPDATE notices SET read_at = ? WHERE user = ? AND seq <= ? AND read_at IS NULL", now(), blob(user), clampSeq(upTo))
	})
	if err != nil {
		return fmt.Errorf("mark notices of user %v as read: %w", user, err)
	}
	return nil
}

// sweepNotices deletes those beyond the newest that are kept, at most limit.
func sweepNotices(t *tx, limit int) (int, error) {
	return t.changed("DELETE FROM notices WHERE id IN (SELECT n.id FROM notice_heads h JOIN notices n ON n.user = h.user AND n.seq <= h.seq - ?1"+
		" WHERE h.seq > ?1 LIMIT ?2)", store.KeptNotices, limit)
}
