package providers

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// Eight people, each with another provider and editor, are in one document. What each types reaches all, all see who is there, and nothing of that ends with the server's
// process.
func TestEveryProviderWithEveryEditor(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	doc := admin.Document("All of them")
	cast := newStage(t)
	var ids []string
	for _, provider := range providers {
		for _, editor := range editors {
			id := provider + "-" + editor
			ids = append(ids, id)
			p := admin.Member(id)
			admin.Share(doc, p, "editor")
			cast.call("open", args{"id": id, "provider": provider, "editor": editor, "url": s.Collab(), "name": doc, "token": p.Token(doc)}, nil)
		}
	}
	cast.until("synced", nil, ids...)
	cast.until("present", ids, ids...)

	var words []string
	types := func(round string) {
		t.Helper()
		var all []func(time.Duration, any) error
		for i, id := range ids {
			mine := []string{fmt.Sprintf("%s%d.1 ", round, i), fmt.Sprintf("%s%d.2 ", round, i), fmt.Sprintf("%s%d.3 ", round, i)}
			words = append(words, mine...)
			all = append(all, cast.Ask("type", args{"id": id, "words": mine}))
		}
		for _, await := range all {
			if err := await(rig.Patience, nil); err != nil {
				t.Fatal(err)
			}
		}
	}

	types("a")
	cast.agree(words, ids...)
	cast.until("saved", nil, ids...)

	// One after the other erases and types again: what TipTap and CodeMirror show is what Yjs has.
	for i, id := range ids {
		before := fmt.Sprintf("e%d ", i)
		cast.typed(id, before+"xyz")
		cast.call("erase", args{"id": id, "count": 3}, nil)
		words = append(words, before)
		now := cast.agree(words, ids...)
		if strings.Contains(now.Rich+now.Code, "xyz") {
			t.Fatalf("%s erased in vain: %+v", id, now)
		}
		var shown string
		cast.call("shows", args{"id": id}, &shown)
		if shown != now.Code && shown != strings.NewReplacer("<paragraph>", "", "</paragraph>", "").Replace(now.Rich) {
			t.Errorf("%s shows %q, the document has %+v", id, shown, now)
		}
	}

	s.Signal(syscall.SIGKILL)
	types("b")
	cast.until("closes", 1, ids...)
	s.Restart()
	types("c")
	there := cast.agree(words, ids...)
	cast.until("saved", nil, ids...)
	for _, id := range ids {
		cast.call("move", args{"id": id}, nil)
	}
	cast.until("present", ids, ids...)

	// Whoever leaves is gone for all the others, of whatever kind they are.
	left := slices.Clone(ids)
	for i := range providers {
		id := ids[len(editors)*i]
		cast.call("close", args{"id": id}, nil)
		left = slices.DeleteFunc(left, func(other string) bool { return other == id })
		cast.until("present", left, left...)
	}

	// All that was typed is on the disk, once.
	s.Signal(syscall.SIGKILL)
	cast.Kill()
	s.Restart()
	stored := read(t, s, doc, admin.Token(doc))
	if stored.State != there.State || stored.Rich != there.Rich || stored.Code != there.Code {
		t.Errorf("all agreed upon %+v, the database has %+v", there, stored)
	}
	for _, word := range words {
		if n := strings.Count(stored.Rich+stored.Code, word); n != 1 {
			t.Errorf("%q is there %d times", word, n)
		}
	}
}
