package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/postgres"
	"github.com/bizsync/bizsync/store/sqlite"
)

// singleNode is a data directory with something of everything in it, and what to ask for.
type singleNode struct {
	path  string
	users []store.User
	docs  []store.DocumentID
	keys  [][32]byte // of API keys
	logIn [32]byte
	link  [32]byte

	requests []store.IdempotencyKey // the first is answered, the second begun
}

func token(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// newSingleNode fills one in virtual time, so that rows grow old enough for history, and ends now. documents is how many documents it has beside
// the special ones, huge how many bytes the largest of those is.
func newSingleNode(t *testing.T, documents, huge int) *singleNode {
	t.Helper()
	now := time.Now().Round(0) // virtual time has another monotonic clock
	n := &singleNode{path: filepath.Join(t.TempDir(), "data", "bizsync.db"), logIn: token("cookie"), link: token("invitation")}
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), n.path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(now.Add(-20 * time.Minute)))
		n.fill(t, s, documents, huge)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return n
}

func (n *singleNode) fill(t *testing.T, s store.Store, documents, huge int) {
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ann", "bob", "carl"} {
		u, err := s.CreateUser(ctx, store.User{Email: name + "@example.org", Name: name, Role: store.RoleAdmin, PasswordHash: "hash of " + name})
		ok(err)
		n.users = append(n.users, u)
	}
	ann, bob, carl := n.users[0], n.users[1], n.users[2]
	n.requests = []store.IdempotencyKey{{User: ann.ID, Operation: "createDocument", Key: "answered"}, {User: ann.ID, Operation: "createDocument", Key: "begun"}}
	for _, name := range []string{"collaboration-tokens", "empty"} {
		_, err := s.Secret(ctx, name, []byte(strings.TrimPrefix(name, "empty")))
		ok(err)
	}
	session := store.Session{ID: uuid.New(), User: ann.ID, UserAgent: "a browser\x00of a \xff kind", Address: "::1", ExpiresAt: time.Now().Add(24 * time.Hour)}
	ok(s.CreateSession(ctx, session, n.logIn))
	ok(s.CreateLink(ctx, store.LinkPassword, bob.ID, n.link, 24*time.Hour))
	ok(s.CreateLink(ctx, store.LinkSetup, uuid.Nil, token("setup"), 24*time.Hour))
	for i, scopes := range [][]string{{"documents:read", `a "strange" one, {}`}, {}} {
		k := store.APIKey{User: bob.ID, Name: "key", Scopes: scopes}
		if i > 0 {
			k.ExpiresAt = time.Now().Add(24 * time.Hour)
		}
		n.keys = append(n.keys, token(fmt.Sprint("key ", i)))
		_, err := s.CreateAPIKey(ctx, k, n.keys[i])
		ok(err)
	}
	key, _, err := s.APIKeyByToken(ctx, n.keys[0])
	ok(err)
	guest, err := s.Guest(ctx, key.ID, "person 7", "A guest")
	ok(err)
	n.users = append(n.users, guest)
	limited, err := s.Guest(ctx, key.ID, "person 8", "Another guest")
	ok(err)
	n.users = append(n.users, limited)

	document := func(key, title string, initial []byte) store.Head {
		t.Helper()
		d, _, err := s.CreateDocument(ctx, store.Document{Key: key, Title: title, Owner: ann.ID}, initial)
		ok(err)
		_, err = s.SetMember(ctx, d.ID, bob.ID, store.Editor, ann.ID)
		ok(err)
		n.docs = append(n.docs, d.ID)
		_, h, err := s.Roles(ctx, d.ID, nil)
		ok(err)
		return h
	}
	add := func(h store.Head, from, to int) store.Head {
		t.Helper()
		for i := from; i <= to; i++ {
			author := n.users[i%2]
			res, err := s.Append(ctx, store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}, Documents: []store.DocumentAppend{{
				Document: h.Document, Epoch: h.Epoch, UpTo: h.Seq, UpToRow: h.Row, AccessVersion: h.AccessVersion,
				Announce: []store.Binding{{Client: 1<<53 - uint64(i), User: author.ID}},
				Rows:     []store.NewRow{{Author: author.ID, Update: fmt.Append(nil, strings.Repeat("row ", i*10), i), Clients: []uint64{uint64(1 + i%2)}}},
			}}})
			ok(err)
			if r := res.Documents[0]; r.Refused != store.Accepted || r.Rows[0].Refused != store.Accepted {
				t.Fatalf("refused: %+v", r)
			}
			h = res.Documents[0].Head
		}
		return h
	}
	snapshot := func(h store.Head, replaces uint64) {
		t.Helper()
		saved, err := s.SaveSnapshot(ctx, h.Document, h.Epoch, replaces, store.Snapshot{Seq: h.Seq, Row: h.Row, State: fmt.Append(nil, strings.Repeat("state ", 1000), h.Seq)})
		ok(err)
		if !saved {
			t.Fatal("snapshot was not saved")
		}
	}
	// Compacted twice: history, a covering that is old and one that is not, rows after it.
	long := add(document("", "Long", nil), 1, 30)
	snapshot(long, 0)
	back := add(document("back", "Went back", []byte("initial")), 1, 3)
	_, err = s.ChangeEpoch(ctx, back.Document, back.Epoch)
	ok(err)
	time.Sleep(11 * time.Minute)
	moved, err := s.SweepCovered(ctx, 20)
	ok(err)
	if moved != 20 {
		t.Fatalf("%d rows are history", moved)
	}
	more := add(long, 31, 40)
	snapshot(more, long.Seq)
	add(more, 41, 45)
	document("huge", "Huge \x00\xff", random(huge))
	code, _, err := s.CreateDocument(ctx, store.Document{Title: "code.js", Kind: store.KindText, Owner: ann.ID}, nil)
	ok(err)
	n.docs = append(n.docs, code.ID)
	gone := add(document("gone", "In the trash", nil), 1, 2)
	_, err = s.TrashDocument(ctx, gone.Document, ann.ID)
	ok(err)
	for i := range documents {
		add(document(fmt.Sprint("key ", i), "ÄÖÜ ẞ", nil), 1, 1+i%5)
	}
	_, err = s.SetMember(ctx, long.Document, carl.ID, store.Viewer, uuid.Nil)
	ok(err)
	_, err = s.RemoveMember(ctx, long.Document, carl.ID, bob.ID)
	ok(err)
	_, err = s.SetMember(ctx, long.Document, limited.ID, store.Viewer, ann.ID) // an owner's decision
	ok(err)
	notices, _, err := s.Notices(ctx, bob.ID, false, store.Page{Limit: 1})
	ok(err)
	ok(s.ReadNotice(ctx, bob.ID, notices[0].ID))
	ok(s.RecordAudit(ctx, store.AuditEntry{Action: "session.failed", Address: "192.0.2.1"},
		store.AuditEntry{Actor: ann.ID, ActorName: "ann", Key: uuid.New(), Action: "document.delete", Subject: gone.Document.String(), Name: "\x00\xff", Detail: "the last of it"}))
	for i, key := range n.requests {
		reply, err := s.BeginRequest(ctx, key, token("request"), time.Hour)
		ok(err)
		if reply != nil {
			t.Fatalf("a new request has the reply %v", reply)
		}
		if i == 0 {
			ok(s.FinishRequest(ctx, key, store.Reply{Status: 201, Header: map[string]string{"Location": "/x"}, Body: []byte("\x00\xff")}))
		}
	}
	yes := true
	_, err = s.ChangeUser(ctx, carl.ID, store.UserChange{Disabled: &yes})
	ok(err)
}

// random gives n bytes that can't be compressed, the same ones each time.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
}

// into imports it, calling each for every row.
func (n *singleNode) into(ctx context.Context, url string, each func(store.Table, int)) (already bool, err error) {
	if each == nil {
		each = func(store.Table, int) {}
	}
	err = sqlite.Export(ctx, n.path, func(tables []store.Table) error {
		already, err = postgres.Import(ctx, url, quiet(), "/data\x00", tables, each)
		return err
	})
	return already, err
}

// everything is what a store says about all that the node had.
func (n *singleNode) everything(t *testing.T, s store.Store) map[string]any {
	t.Helper()
	ctx, all := t.Context(), make(map[string]any)
	page := store.Page{Limit: 200}
	note := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all[what] = v
	}
	users, _, err := s.Users(ctx, page)
	note("users", users, err)
	secret, err := s.Secret(ctx, "collaboration-tokens", []byte("new"))
	note("secret", secret, err)
	session, _, err := s.SessionByToken(ctx, n.logIn, time.Hour)
	session.UserAgent, session.LastSeen, session.ExpiresAt = "", time.Time{}, time.Time{} // asking slides them
	note("session", session, err)
	link, err := s.Link(ctx, store.LinkPassword, n.link)
	note("link", link, err)
	for i, key := range n.keys {
		k, _, err := s.APIKeyByToken(ctx, key)
		k.LastUsed = time.Time{}
		note(fmt.Sprint("key ", i), k, err)
	}
	audit, _, err := s.AuditLog(ctx, store.AuditQuery{}, page)
	note("audit log", audit, err)
	reply, err := s.BeginRequest(ctx, n.requests[0], token("request"), 0)
	note("reply", reply, err)
	if _, err := s.BeginRequest(ctx, n.requests[1], token("request"), 0); !errors.Is(err, store.ErrBusyRequest) {
		t.Fatalf("the begun request: %v", err)
	}
	for _, u := range n.users {
		notices, _, err := s.Notices(ctx, u.ID, false, page)
		for i := range notices {
			notices[i].Title = strings.ToValidUTF8(strings.ReplaceAll(notices[i].Title, "\x00", "\uFFFD"), "\uFFFD")
		}
		note("notices of "+u.Name, notices, err)
		heads, err := s.NoticeHeads(ctx, []store.UserID{u.ID})
		note("last notice of "+u.Name, heads, err)
	}
	for i, id := range n.docs {
		members, _, err := s.Members(ctx, id, page)
		note(fmt.Sprint("members of ", i), members, err)
		d, err := s.Document(ctx, id, n.users[0].ID)
		d.Title = strings.ToValidUTF8(strings.ReplaceAll(d.Title, "\x00", "\uFFFD"), "\uFFFD")
		note(fmt.Sprint("document ", i), d, err)
		if d.DeletedAt.IsZero() {
			note(fmt.Sprint("content of ", i), content(t, s, id), nil)
		}
	}
	return all
}

// content is what a room loads, large parts by their hashes.
func content(t *testing.T, s store.Store, id store.DocumentID) (parts []string) {
	t.Helper()
	head, err := s.LoadDocument(t.Context(), id, store.Loader{
		Binding: func(b store.Binding) error { parts = append(parts, fmt.Sprint("binding ", b)); return nil },
		Snapshot: func(s store.Snapshot) error {
			parts = append(parts, fmt.Sprintf("snapshot %d %d %x", s.Seq, s.Row, sha256.Sum256(s.State)))
			return nil
		},
		Row: func(r store.Row) error {
			parts = append(parts, fmt.Sprintf("row %d %d %d %v %d %x", r.Seq, r.ID, r.Prev, r.Author, len(r.Update), sha256.Sum256(r.Update)))
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(parts, fmt.Sprintf("head %+v", head))
}

// storedRows gives every row of every table, but for what no import brings.
func storedRows(t *testing.T, url string) map[string][]string {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(context.Background())
	text := func(query string) (values []string) {
		t.Helper()
		rows, err := conn.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				t.Fatal(err)
			}
			values = append(values, v)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return values
	}
	all := make(map[string][]string)
	for _, table := range text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'") {
		if !slices.Contains([]string{"schema_migrations", "access_revision", "audit_kept", "imports"}, table) {
			all[table] = text("SELECT md5(x::text) FROM " + table + " x ORDER BY 1")
		}
	}
	return all
}

func TestImport(t *testing.T) {
	n, url := newSingleNode(t, 20, 50<<20), shared.database(t)
	seen := make(map[string]int)
	already, err := n.into(t.Context(), url, func(table store.Table, done int) {
		if seen[table.Name]++; done != seen[table.Name] || done > table.Count {
			t.Errorf("%s: row %d of %d, the one before was %d", table.Name, done, table.Count, seen[table.Name]-1)
		}
	})
	if err != nil || already {
		t.Fatalf("import: %v, %v", already, err)
	}
	rows := storedRows(t, url)
	for table, all := range rows {
		if table != "batches" && table != "purges" && (len(all) == 0 || len(all) != seen[table]) {
			t.Errorf("table %s has %d rows, %d were told", table, len(all), seen[table])
		}
	}

	// Again, and again: the same rows.
	for range 2 {
		already, err := n.into(t.Context(), url, nil)
		if err != nil || !already {
			t.Fatalf("once more: %v, %v", already, err)
		}
		if diff := cmp.Diff(rows, storedRows(t, url)); diff != "" {
			t.Fatal(diff)
		}
	}

	// A node finds everything as it was.
	from, err := sqlite.Open(t.Context(), n.path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := n.everything(t, from)
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	to := open(t, url)
	if diff := cmp.Diff(want, n.everything(t, to)); diff != "" {
		t.Error(diff)
	}
	// And goes on with it: where a document's numbers are, under bindings that hold.
	h := (&fixture{s: to}).head(t, n.docs[0])
	res, err := to.Append(t.Context(), store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}, Documents: []store.DocumentAppend{{
		Document: h.Document, Epoch: h.Epoch, UpTo: h.Seq, UpToRow: h.Row, AccessVersion: h.AccessVersion,
		Rows: []store.NewRow{{Author: n.users[0].ID, Clients: []uint64{2}}, {Author: n.users[1].ID, Clients: []uint64{2}, Update: []byte("x")}},
	}}})
	if err != nil || res.Documents[0].Rows[0].Refused != store.ClientOfOther || res.Documents[0].Rows[1].Seq != 46 {
		t.Errorf("the first append: %+v, %v", res, err)
	}
	// The directory has been used since (it was opened, and somebody logged in): it is another one now. The database, with nodes at work, is left alone.
	rows = storedRows(t, url)
	if _, err := n.into(t.Context(), url, nil); !errors.Is(err, postgres.ErrSourceChanged) {
		t.Errorf("a source that has changed: %v", err)
	}
	if diff := cmp.Diff(rows, storedRows(t, url)); diff != "" {
		t.Error(diff)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestImportNothingLeftOut: every column of every table has a place in an import, or is known to have none.
func TestImportNothingLeftOut(t *testing.T) {
	n, url := &singleNode{path: filepath.Join(t.TempDir(), "bizsync.db")}, shared.database(t)
	if err := errors.Join(sqlite.MigrateUp(t.Context(), n.path), postgres.MigrateUp(t.Context(), url, quiet())); err != nil {
		t.Fatal(err)
	}
	brought := make(map[string]bool)
	err := sqlite.Export(t.Context(), n.path, func(tables []store.Table) error {
		for _, table := range tables {
			for _, c := range table.Columns {
				brought[table.Name+"."+c] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := connect(t, url).Query(t.Context(), "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"+
		" AND table_name NOT IN ('schema_migrations', 'imports', 'batches', 'purges', 'access_revision', 'audit_kept')")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			t.Fatal(err)
		}
		if !brought[column] {
			t.Errorf("no import brings %s", column)
		}
		delete(brought, column)
	}
	if err := rows.Err(); err != nil || len(brought) != 0 {
		t.Fatalf("an import brings what has no place: %v; %v", brought, err)
	}
}

// TestImportCutOff ends imports at random rows; each leaves nothing, and the one that is let through ends like one that never was disturbed.
func TestImportCutOff(t *testing.T) {
	n := newSingleNode(t, 50, 1<<20)
	undisturbed, url := shared.database(t), shared.database(t)
	total := 0
	if _, err := n.into(t.Context(), undisturbed, func(store.Table, int) { total++ }); err != nil {
		t.Fatal(err)
	}
	want := storedRows(t, undisturbed)
	for round := range 8 {
		stop := rand.IntN(total)
		if round == 0 {
			stop = total - 1
		}
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		_, err := n.into(ctx, url, func(store.Table, int) {
			if seen++; seen > stop {
				cancel()
			}
		})
		cancel()
		if err == nil || !errors.Is(err, context.Canceled) {
			t.Fatalf("cut off after row %d of %d: %v", stop, total, err)
		}
		for table, rows := range storedRows(t, url) {
			if len(rows) != 0 {
				t.Fatalf("cut off after row %d of %d: table %s has %d rows", stop, total, table, len(rows))
			}
		}
	}
	// At any time: whatever is said about it, the next one ends well.
	for round := range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(400*(round+1)))*time.Millisecond)
		_, _ = n.into(ctx, url, nil) // it may or may not be complete
		cancel()
	}
	if _, err := n.into(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, storedRows(t, url)); diff != "" {
		t.Fatal(diff)
	}
}

// TestImportOfDamage: what the source says of itself is what the operator hears, and nothing of it is kept.
func TestImportOfDamage(t *testing.T) {
	n, url := newSingleNode(t, 0, 1<<20), shared.database(t)
	damage := fmt.Errorf("row 7: %w", store.ErrCorrupt)
	err := sqlite.Export(t.Context(), n.path, func(tables []store.Table) error {
		last := &tables[len(tables)-1]
		last.Rows = func(yield func([]any, error) bool) { yield(nil, damage) }
		_, err := postgres.Import(t.Context(), url, quiet(), "/data", tables, func(store.Table, int) {})
		return err
	})
	wants(t, err, damage)
	for table, rows := range storedRows(t, url) {
		if len(rows) != 0 {
			t.Errorf("table %s has %d rows", table, len(rows))
		}
	}
}

func TestImportTogether(t *testing.T) {
	n, url := newSingleNode(t, 5, 1<<20), shared.database(t)
	other := newSingleNode(t, 1, 1<<20)
	var tables sync.WaitGroup
	errs, already := make([]error, 2), make([]bool, 2)
	// Two directories, since one is exported once at a time.
	for i, from := range []*singleNode{n, other} {
		tables.Go(func() { already[i], errs[i] = from.into(t.Context(), url, nil) })
	}
	tables.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil && !already[i]:
			won++
		case !errors.Is(err, postgres.ErrSourceChanged) && !errors.Is(err, postgres.ErrInUse): // the latter after waiting for long
			t.Errorf("import %d: %v, %v", i, already[i], err)
		}
	}
	if won != 1 {
		t.Fatalf("%d imports have filled the database", won)
	}
}

func TestImportRefused(t *testing.T) {
	n := newSingleNode(t, 0, 1<<20)
	for name, c := range map[string]struct {
		before func(t *testing.T, url string)
		want   error
	}{
		"an account": {func(t *testing.T, url string) {
			behind(t, url, "INSERT INTO users VALUES (gen_random_uuid(), 'x', 'x', 'X', 'admin', '', false, now(), now())")
		}, postgres.ErrNotEmpty},
		"a newer schema": {func(t *testing.T, url string) {
			behind(t, url, "UPDATE schema_migrations SET version = version + 1")
		}, postgres.ErrNewerSchema},
		"a node at work": {func(t *testing.T, url string) {
			s := open(t, url)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}, postgres.ErrInUse},
		"what a node leaves that ran once": {func(t *testing.T, url string) {
			s := open(t, url)
			_, err := s.Secret(t.Context(), "collaboration-tokens", []byte("the database's own"))
			err = errors.Join(err, s.RecordAudit(t.Context(), store.AuditEntry{Action: "session.failed"}))
			if err := errors.Join(err, s.CreateLink(t.Context(), store.LinkSetup, uuid.Nil, token("x"), time.Hour), s.Close()); err != nil {
				t.Fatal(err)
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			url := shared.database(t)
			if err := postgres.MigrateUp(t.Context(), url, quiet()); err != nil {
				t.Fatal(err)
			}
			c.before(t, url)
			before := storedRows(t, url)
			_, err := n.into(t.Context(), url, nil)
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wants(t, err, c.want)
			if diff := cmp.Diff(before, storedRows(t, url)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}
