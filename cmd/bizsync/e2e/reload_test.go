package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// A page with y-indexeddb is reloaded, with the cache read before and after the socket is open, and after typing with the server away. Each time it brings
// old structs of others with it; nothing of that is refused, and what is typed next is acknowledged.
func TestReloadWithIndexedDB(t *testing.T) {
	s := startServer(t)
	admin := s.Admin()
	ada, bea, cy := admin.Member("ada"), admin.Member("bea"), admin.Member("cy")
	doc := admin.Document("With a cache", ada, bea, cy)
	script := runScript(t, "reload.mjs", func(e rig.Event) { t.Errorf("%s: %s", e.Kind, e.Value) })
	var others []int64
	script.call("others", map[string]any{"url": s.Collab(), "room": doc, "tokens": []string{ada.Token(doc), cy.Token(doc)}}, &others)

	page := func(cacheFirst bool) map[string]any {
		return map[string]any{"url": s.Collab(), "room": doc, "token": bea.Token(doc), "cacheFirst": cacheFirst}
	}
	type sent struct {
		Brought []int64
		Own     int64
	}
	typeIn := func(token string) (was sent) {
		t.Helper()
		script.call("type", map[string]any{"token": token}, &was)
		return was
	}
	bringsOthers := func(was sent) bool {
		return slices.Contains(was.Brought, others[0]) && slices.Contains(was.Brought, others[1])
	}

	script.call("load", page(true), nil)
	typeIn("first visit")
	script.call("leave", nil, nil)

	script.call("load", page(true), nil)
	if was := typeIn("cache, then network"); !slices.Equal(was.Brought, []int64{was.Own}) {
		t.Errorf("a page with a cache brought structs of %v, own id %d", was.Brought, was.Own)
	}
	script.call("leave", nil, nil)

	script.call("load", page(false), nil)
	if was := typeIn("network, then cache"); !bringsOthers(was) {
		t.Errorf("the test doesn't show what it should: structs of %v were sent, others are %v", was.Brought, others)
	}

	// The server is away: what is typed is in the cache only, and the next page brings it, under the client id of a page that is gone.
	s.Kill()
	script.call("typeOffline", map[string]any{"token": "offline"}, nil)
	script.call("leave", nil, nil)
	s.Restart()
	script.call("load", page(false), nil)
	if was := typeIn("after the server's death"); !bringsOthers(was) || len(was.Brought) < 4 {
		t.Errorf("the test doesn't show what it should: structs of %v were sent, others are %v", was.Brought, others)
	}
	var text string
	script.call("text", nil, &text)
	script.Kill()

	fresh := s.readFresh(t, doc, cy.Token(doc)).Text
	if fresh != text {
		t.Errorf("a fresh client reads another text than the page shows:\n%s\n%s", fresh, text)
	}
	for _, token := range []string{"first visit", "cache, then network", "network, then cache", "offline", "after the server's death", "a0", "a49", "c0", "c49"} {
		if n := strings.Count(";"+fresh, ";"+token+";"); n != 1 {
			t.Errorf("%q is there %d times", token, n)
		}
	}
}
