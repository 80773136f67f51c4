package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// audited lists the whole log of a query in pages of that size.
func (w *world) audited(q store.AuditQuery, limit int) []store.AuditEntry {
	w.t.Helper()
	return pages(w.t, limit, func(p store.Page) ([]store.AuditEntry, string, error) { return w.s.AuditLog(w.ctx, q, p) })
}

// record records one entry and gives it as the log has it, with a time that no entry before has.
func (w *world) record(e store.AuditEntry) store.AuditEntry {
	w.t.Helper()
	last := func() time.Time {
		if newest, _, err := w.s.AuditLog(w.ctx, store.AuditQuery{}, store.Page{Limit: 1}); err != nil {
			w.t.Fatal(err)
		} else if len(newest) > 0 {
			return newest[0].At
		}
		return time.Time{}
	}()
	for !time.Now().After(last.Add(2 * time.Millisecond)) { // database time may be exact to a millisecond
		time.Sleep(time.Millisecond)
	}
	ok(w.t, w.s.RecordAudit(w.ctx, e))
	newest, _, err := w.s.AuditLog(w.ctx, store.AuditQuery{}, store.Page{Limit: 1})
	ok(w.t, err)
	return newest[0]
}

func details(entries []store.AuditEntry) (all []string) {
	for _, e := range entries {
		all = append(all, e.Detail)
	}
	return all
}

func testAudit(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	document := uuid.NewString()
	if got := w.audited(store.AuditQuery{}, 10); len(got) != 0 {
		t.Fatalf("a new log has %v", got)
	}
	ok(t, w.s.RecordAudit(w.ctx))

	full := store.AuditEntry{
		ID: store.NewID(), Actor: ann.ID, ActorName: "Ann", Key: uuid.New(), Action: "document.share", Subject: document, Name: "Plan",
		Address: "2001:db8::1", Detail: "0",
	}
	got := w.record(full)
	if time.Since(got.At) > time.Minute || time.Until(got.At) > time.Minute || got.At.Location() != time.UTC {
		t.Fatalf("recorded at %v", got.At)
	}
	same(t, "an entry that brings its id", got, full, cmpopts.IgnoreFields(store.AuditEntry{}, "At"))
	nobody := store.AuditEntry{At: time.Unix(1, 0), Action: "session.failed", Address: "192.0.2.1", Detail: "1"}
	got = w.record(nobody)
	if got.ID == uuid.Nil || time.Since(got.At) > time.Minute {
		t.Fatalf("id and time were not set: %+v", got)
	}
	same(t, "an entry of nobody", got, nobody, cmpopts.IgnoreFields(store.AuditEntry{}, "ID", "At"))

	// All or none, and what is there stays as it is.
	want(t, w.s.RecordAudit(w.ctx, store.AuditEntry{Action: "session.login"}, store.AuditEntry{ID: full.ID, Action: "document.purge"}), store.ErrConflict)
	same(t, "after a conflict", details(w.audited(store.AuditQuery{}, 10)), []string{"1", "0"})
	same(t, "the entry in conflict", w.audited(store.AuditQuery{Actor: ann.ID}, 10)[0].Action, "document.share")

	// Several at once are in their order.
	var many []store.AuditEntry
	for i := range 20 {
		many = append(many, store.AuditEntry{Actor: bob.ID, Action: "admin.disconnect", Detail: fmt.Sprint(i + 2)})
	}
	ok(t, w.s.RecordAudit(w.ctx, many...))
	var newestFirst []string
	for i := range 22 {
		newestFirst = append(newestFirst, fmt.Sprint(21-i))
	}
	for _, limit := range []int{1, 3, 22, 100} {
		same(t, fmt.Sprintf("pages of %d", limit), details(w.audited(store.AuditQuery{}, limit)), newestFirst)
	}
	badCursors(t, func(p store.Page) error { _, _, err := w.s.AuditLog(w.ctx, store.AuditQuery{}, p); return err })
	users, next, err := w.s.Users(w.ctx, store.Page{Limit: 1})
	if err != nil || len(users) != 1 {
		t.Fatal(users, err)
	}
	_, _, err = w.s.AuditLog(w.ctx, store.AuditQuery{}, store.Page{Cursor: next}) // another list's
	want(t, err, store.ErrBadCursor)
}

func testAuditQuery(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	plan, notes := uuid.NewString(), uuid.NewString()
	var log []store.AuditEntry
	for i, e := range []store.AuditEntry{
		{Actor: ann.ID, Action: "document.create", Subject: plan},
		{Actor: ann.ID, Action: "document.share", Subject: plan},
		{Action: "session.failed"},
		{Actor: bob.ID, Action: "document.share", Subject: notes},
		{Actor: bob.ID, Action: "documents", Subject: plan},
		{Actor: bob.ID, Action: "document", Subject: plan},
		{Actor: ann.ID, Action: "user.create", Subject: bob.ID.String()},
	} {
		e.Detail = fmt.Sprint(i)
		log = append(log, w.record(e))
	}
	for name, tt := range map[string]struct {
		q    store.AuditQuery
		want string // details, oldest first
	}{
		"everything":                {store.AuditQuery{}, "0123456"},
		"an actor":                  {store.AuditQuery{Actor: bob.ID}, "345"},
		"an unknown actor":          {store.AuditQuery{Actor: uuid.New()}, ""},
		"an action":                 {store.AuditQuery{Action: "document.share"}, "13"},
		"part of an action":         {store.AuditQuery{Action: "document"}, "5"},
		"the beginning of actions":  {store.AuditQuery{Action: "document."}, "013"},
		"the beginning of one":      {store.AuditQuery{Action: "user."}, "6"},
		"the beginning of none":     {store.AuditQuery{Action: "doc."}, ""},
		"no pattern":                {store.AuditQuery{Action: "%."}, ""},
		"a dot":                     {store.AuditQuery{Action: "."}, ""},
		"what can't be text":        {store.AuditQuery{Action: "\xff\x00."}, ""},
		"a subject":                 {store.AuditQuery{Subject: plan}, "0145"},
		"an unknown subject":        {store.AuditQuery{Subject: "\x00"}, ""},
		"from a time on":            {store.AuditQuery{From: log[2].At}, "23456"},
		"from a moment later on":    {store.AuditQuery{From: log[2].At.Add(1)}, "3456"},
		"before a time":             {store.AuditQuery{To: log[2].At}, "01"},
		"before a moment later":     {store.AuditQuery{To: log[2].At.Add(1)}, "012"},
		"between times":             {store.AuditQuery{From: log[1].At, To: log[5].At}, "1234"},
		"between the same":          {store.AuditQuery{From: log[1].At, To: log[1].At}, ""},
		"times in another zone":     {store.AuditQuery{From: log[5].At.In(time.FixedZone("", 9*3600))}, "56"},
		"the ends of the calendar":  {store.AuditQuery{From: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}, "0123456"},
		"an actor and a beginning":  {store.AuditQuery{Actor: ann.ID, Action: "document."}, "01"},
		"all of it":                 {store.AuditQuery{Actor: ann.ID, Action: "document.share", Subject: plan, From: log[1].At, To: log[2].At}, "1"},
		"all of it but for nothing": {store.AuditQuery{Actor: bob.ID, Action: "document.share", Subject: plan, From: log[1].At, To: log[2].At}, ""},
	} {
		for _, limit := range []int{1, 2, 50} {
			got := details(w.audited(tt.q, limit))
			slices.Reverse(got)
			if s := strings.Join(got, ""); s != tt.want {
				t.Errorf("%s, in pages of %d: %q, want %q", name, limit, s, tt.want)
			}
		}
	}

	// A list that is read while entries come gives each that was there once, and no other.
	first, next, err := w.s.AuditLog(w.ctx, store.AuditQuery{Action: "document."}, store.Page{Limit: 2})
	ok(t, err)
	w.record(store.AuditEntry{Action: "document.share", Detail: "late"})
	rest, next, err := w.s.AuditLog(w.ctx, store.AuditQuery{Action: "document."}, store.Page{Limit: 2, Cursor: next})
	ok(t, err)
	if got := append(details(first), details(rest)...); next != "" || !slices.Equal(got, []string{"3", "1", "0"}) {
		t.Errorf("a list read while it grows: %v", got)
	}
}

func testAuditTexts(t *testing.T, db Database) {
	w := newWorld(t, db)
	for name, tt := range map[string]struct{ text, want string }{
		"short":                   {"Zoë", "Zoë"},
		"as long as may be":       {strings.Repeat("x", 1000), strings.Repeat("x", 1000)},
		"too long":                {strings.Repeat("x", 1001), strings.Repeat("x", 1000)},
		"cut before a character":  {strings.Repeat("한", 400), strings.Repeat("한", 333)},
		"cut after a character":   {"x" + strings.Repeat("한", 400), "x" + strings.Repeat("한", 333)},
		"an emoji at the border":  {strings.Repeat("x", 997) + "😀", strings.Repeat("x", 997)},
		"no UTF-8":                {"a\xff\xfeb", "a\uFFFDb"},
		"a NUL":                   {"a\x00b", "a\uFFFDb"},
		"endless and no UTF-8":    {strings.Repeat("\xff", 1<<20), "\uFFFD"},
		"endless NUL":             {strings.Repeat("\x00", 1<<20), strings.Repeat("\uFFFD", 333)},
		"what SQL would run":      {"'); DROP TABLE audit; --", "'); DROP TABLE audit; --"},
		"a character that is cut": {strings.Repeat("x", 10) + "\xed\x95", strings.Repeat("x", 10) + "\uFFFD"},
	} {
		id := store.NewID()
		ok(t, w.s.RecordAudit(w.ctx, store.AuditEntry{
			ID: id, ActorName: tt.text, Action: tt.text, Subject: tt.text, Name: tt.text, Address: tt.text, Detail: tt.text,
		}))
		for _, e := range w.audited(store.AuditQuery{Subject: tt.want}, 50) {
			for _, got := range []string{e.ActorName, e.Action, e.Subject, e.Name, e.Address, e.Detail} {
				if got != tt.want || !utf8.ValidString(got) {
					t.Errorf("%s: %q became %q, want %q", name, tt.text[:min(len(tt.text), 2000)], got, tt.want)
				}
			}
			id = uuid.Nil
		}
		if id != uuid.Nil {
			t.Errorf("%s: not found by what is kept", name)
		}
	}
}

// testAuditConcurrent records from many sides at once: nothing is lost, and lists that are read meanwhile give no entry twice.
func testAuditConcurrent(t *testing.T, db Database) {
	w := newWorld(t, db)
	const writers, each = 4, 25
	errs := together(writers+1, func(i int) error {
		if i < writers {
			for n := range each {
				if err := w.s.RecordAudit(w.ctx, store.AuditEntry{Action: "key.use", Detail: fmt.Sprint(i, " ", n)}, store.AuditEntry{Action: "key.use"}); err != nil {
					return err
				}
			}
			return nil
		}
		for range each {
			seen := make(map[uuid.UUID]bool)
			for p := (store.Page{Limit: 7}); ; {
				entries, next, err := w.s.AuditLog(w.ctx, store.AuditQuery{}, p)
				if err != nil {
					return err
				}
				for _, e := range entries {
					if seen[e.ID] {
						return fmt.Errorf("entry %v is listed twice", e.ID)
					}
					seen[e.ID] = true
				}
				if p.Cursor = next; next == "" {
					break
				}
			}
		}
		return nil
	})
	count(t, errs, nil)
	seen := make(map[string]bool)
	for _, e := range w.audited(store.AuditQuery{}, 50) {
		seen[e.Detail] = true
	}
	if len(seen) != writers*each+1 {
		t.Fatalf("%d different entries, want %d", len(seen), writers*each+1)
	}
}
