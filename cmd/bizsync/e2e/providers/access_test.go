package providers

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// Somebody who may only read is told so, and what they type stays with them and unsaved. When they may write it goes out, on the same connection; and no more when they may not
// again.
func TestRolesChangeOnALivingConnection(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	doc := admin.Document("Roles")
	cast := newStage(t)
	cast.call("open", args{"id": "owner", "provider": yWebsocket, "editor": "codemirror", "url": s.Collab(), "name": doc, "token": admin.Token(doc), "words": []string{"first "}}, nil)
	people := map[string]*rig.Person{}
	for _, id := range hocuspocus {
		people[id] = admin.Member(id)
		admin.Share(doc, people[id], "editor")
		token := people[id].Token(doc) // it allows no more than its owner might do when it was made
		admin.Share(doc, people[id], "viewer")
		cast.call("open", args{"id": id, "provider": id, "socket": id, "url": s.Collab(), "editor": "codemirror", "name": doc, "token": token}, nil)
	}
	all := append([]string{"owner"}, hocuspocus...)
	cast.agree([]string{"first "}, all...)
	cast.until("scopes", []string{"readonly"}, hocuspocus...)
	cast.until("saved", nil, hocuspocus...) // they have nothing of their own

	for _, id := range hocuspocus {
		cast.typed(id, "early-"+id+" ")
		cast.until("unsynced", 1, id)
	}
	cast.typed("owner", "second ")
	cast.until("has", []string{"second "}, all...)
	none := func(when string) {
		t.Helper()
		if stored := read(t, s, doc, admin.Token(doc)).Code; strings.Contains(stored, when) {
			t.Errorf("readers wrote: %q", stored)
		}
		cast.until("unsaved", nil, hocuspocus...)
	}
	none("early")

	var words []string
	for _, id := range hocuspocus {
		admin.Share(doc, people[id], "editor")
		cast.until("scopes", []string{"readonly", "read-write"}, id)
		cast.typed(id, "later-"+id+" ")
		words = append(words, "early-"+id+" ", "later-"+id+" ")
	}
	cast.agree(words, all...)
	cast.until("saved", nil, hocuspocus...)
	cast.until("unsynced", 0, hocuspocus...)

	for _, id := range hocuspocus {
		admin.Share(doc, people[id], "viewer")
		cast.until("scopes", []string{"readonly", "read-write", "readonly"}, id)
		cast.typed(id, "again-"+id+" ")
		cast.until("unsynced", 1, id)
	}
	cast.typed("owner", "third ")
	cast.until("has", []string{"third "}, all...)
	none("again")
	for _, id := range hocuspocus {
		cast.undisturbed(id)
	}
}

// undisturbed looks whether a socket is still its first connection.
func (s *stage) undisturbed(socket string) {
	s.t.Helper()
	var c struct {
		Opened int
		Codes  []int
	}
	s.call("connections", args{"id": socket}, &c)
	if c.Opened != 1 || len(c.Codes) > 0 {
		s.t.Errorf("socket %s was opened %d times, closed with %v", socket, c.Opened, c.Codes)
	}
}

// One socket has five documents, of which one may not be seen and one doesn't exist. The others don't notice; and the one opens when it may, with what was typed before.
func TestManyDocumentsOnOneSocket(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	for _, provider := range hocuspocus {
		member := admin.Member(provider)
		cast := newStage(t)
		open := func(id, name, token string) {
			t.Helper()
			cast.call("open", args{"id": id, "provider": provider, "socket": "socket", "url": s.Collab(), "editor": "codemirror", "name": name, "token": token,
				"asFunction": id == "denied", "words": []string{"of-" + id + " "}}, nil)
		}
		var docs []string
		for range 4 {
			docs = append(docs, admin.Document(provider))
		}
		names := []string{"one", "two", "three"}
		for i, id := range names {
			admin.Share(docs[i], member, "editor")
			open(id, docs[i], member.Token(docs[i]))
		}
		open("denied", docs[3], member.Token(docs[0])) // a token of another document
		open("unknown", "0190a5b2-7c1e-7000-8000-000000000000", member.Token(docs[0]))
		cast.until("denials", 1, "denied", "unknown")
		cast.until("saved", nil, names...)
		cast.typed("denied", "still ") // version 2 has given up, the others go on sending
		for _, id := range names {
			cast.typed(id, "more ")
		}
		cast.until("saved", nil, names...)
		cast.until("unsaved", nil, "denied", "unknown")
		for i, id := range names {
			if stored := read(t, s, docs[i], admin.Token(docs[i])); stored.Code != "of-"+id+" more " {
				t.Errorf("%s: %s has %q", provider, id, stored.Code)
			}
		}

		admin.Share(docs[3], member, "editor")
		cast.call("token", args{"id": "denied", "token": member.Token(docs[3])}, nil)
		if provider == hocuspocus2 {
			cast.call("attach", args{"id": "denied"}, nil)
		} else {
			cast.call("refresh", args{"id": "denied"}, nil)
		}
		cast.until("scopes", []string{"read-write"}, "denied")
		cast.until("saved", nil, "denied")
		cast.until("unsynced", 0, "denied")
		cast.typed("denied", "now ")
		cast.until("saved", nil, "denied")
		if stored := read(t, s, docs[3], admin.Token(docs[3])); stored.Code != "of-denied still now " {
			t.Errorf("%s: what was denied has %q", provider, stored.Code)
		}
		cast.undisturbed("socket")
		cast.Kill()
	}
}

// Tokens are strings or functions, and can be sent again while the document is open: a good one changes nothing, a bad one ends this document's access until a good one comes.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	doc, other := admin.Document("Tokens"), admin.Document("Another")
	cast := newStage(t)
	var ids []string
	for _, provider := range hocuspocus {
		for _, name := range []string{doc, other} {
			id := provider + name
			cast.call("open", args{"id": id, "provider": provider, "socket": provider, "url": s.Collab(), "editor": "codemirror", "name": name, "token": admin.Token(name), "asFunction": true}, nil)
			ids = append(ids, id)
		}
	}
	cast.until("scopes", []string{"read-write"}, ids...)
	cast.until("saved", nil, ids...)
	var words []string
	for _, provider := range []string{hocuspocus3, hocuspocus4} {
		id := provider + doc
		cast.call("refresh", args{"id": id}, nil)
		cast.until("scopes", []string{"read-write", "read-write"}, id)
		cast.typed(id, provider+"-1 ")
		cast.until("saved", nil, id)

		cast.call("token", args{"id": id, "token": "nonsense"}, nil)
		cast.call("refresh", args{"id": id}, nil)
		cast.until("denials", 1, id)
		cast.typed(id, provider+"-2 ")
		cast.typed(provider+other, provider+"-3 ")
		cast.until("saved", nil, provider+other)
		cast.until("unsaved", nil, id)

		cast.call("token", args{"id": id, "token": admin.Token(doc)}, nil)
		cast.call("refresh", args{"id": id}, nil)
		cast.until("scopes", []string{"read-write", "read-write", "read-write"}, id)
		cast.until("saved", nil, id)
		cast.undisturbed(provider)
		words = append(words, provider+"-1 ", provider+"-2 ")
	}
	cast.agree(words, hocuspocus2+doc, hocuspocus3+doc, hocuspocus4+doc)
}

// In a browser no token is needed: the session's cookie says who it is. (Version 2 then sends no auth message at all.) And a document goes by its key as well as by its id.
func TestCookies(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	var d struct {
		ID string `json:"id"`
	}
	admin.Call("POST", "/documents", map[string]any{"title": "Cookies", "key": "cookie-jar"}, http.StatusCreated, &d)
	cast := newStage(t)
	open := func(id, provider, name string, headers args) {
		t.Helper()
		cast.call("open", args{"id": id, "provider": provider, "url": s.Collab(), "headers": headers, "name": name, "editor": "codemirror"}, nil)
	}
	var ids []string
	for _, provider := range hocuspocus {
		for _, name := range []string{d.ID, "cookie-jar"} {
			ids = append(ids, provider+name)
			open(provider+name, provider, name, args{"Cookie": admin.Cookie(), "Origin": s.URL()})
		}
		// Without an origin it is no browser, and its cookies don't count.
		open("nobody-"+provider, provider, d.ID, args{"Cookie": admin.Cookie()})
	}
	cast.until("saved", nil, ids...)
	for _, id := range ids {
		cast.typed(id, id+" ")
	}
	cast.agree(ids, ids...)
	cast.until("saved", nil, ids...)
	for _, provider := range hocuspocus {
		cast.until("denials", 1, "nobody-"+provider)
		if st := cast.status("nobody-" + provider); st.Synced || len(st.Scopes) > 0 {
			t.Errorf("%s: a cookie without an origin got in: %+v", provider, st)
		}
	}
}

// Two views of one document on one socket, told apart by their sessions.
func TestSessions(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	doc := admin.Document("Twice")
	cast := newStage(t)
	for i, id := range []string{"left", "right"} {
		cast.call("open", args{"id": id, "provider": hocuspocus4, "socket": "socket", "url": s.Collab(), "editor": editors[i], "name": doc, "token": admin.Token(doc), "sessions": true}, nil)
	}
	cast.call("open", args{"id": "other", "provider": hocuspocus3, "editor": "codemirror", "url": s.Collab(), "name": doc, "token": admin.Token(doc)}, nil)
	all := []string{"left", "right", "other"}
	cast.until("synced", nil, all...)
	cast.typed("left", "left ")
	cast.typed("right", "right ")
	cast.typed("other", "other ")
	cast.agree([]string{"left ", "right ", "other "}, all...)
	cast.until("saved", nil, all...)
	cast.until("present", all, all...)
	cast.call("close", args{"id": "left"}, nil)
	cast.typed("right", "alone ")
	cast.agree([]string{"alone "}, "right", "other")
	cast.until("saved", nil, "right")
	cast.until("present", []string{"other", "right"}, "right", "other")
	cast.undisturbed("socket")
}

// Messages that only pass through reach the document's other Hocuspocus clients where the setting says so, and nobody by default.
func TestStateless(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		var flags []string
		if on {
			flags = []string{"--stateless"}
		}
		s := startServer(t, flags...)
		admin := s.Admin()
		doc := admin.Document("Stateless")
		cast := newStage(t)
		all := append([]string{yWebsocket}, hocuspocus...)
		for _, id := range all {
			cast.call("open", args{"id": id, "provider": id, "editor": "codemirror", "url": s.Collab(), "name": doc, "token": admin.Token(doc)}, nil)
		}
		cast.until("synced", nil, all...)
		for _, id := range hocuspocus {
			cast.call("say", args{"id": id, "payload": "from " + id}, nil)
			// The edit comes after it, to whomever both come.
			cast.typed(id, "by-"+id+" ")
			cast.agree([]string{"by-" + id + " "}, all...)
		}
		for _, id := range hocuspocus {
			var want []string
			if on {
				for _, other := range hocuspocus {
					if other != id {
						want = append(want, "from "+other)
					}
				}
			}
			if got := cast.status(id).Stateless; !slices.Equal(got, want) {
				t.Errorf("stateless %v: %s got %q, not %q", on, id, got, want)
			}
		}
		cast.Kill()
	}
}
