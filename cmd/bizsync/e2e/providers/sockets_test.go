package providers

import (
	"syscall"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// A document is closed and opened again while another one on the same socket stays open. What was typed in between is brought along.
func TestDetachAndAttach(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	for _, provider := range hocuspocus {
		doc, other := admin.Document(provider), admin.Document("Another")
		cast := newStage(t)
		for id, name := range map[string]string{"one": doc, "two": other} {
			cast.call("open", args{"id": id, "provider": provider, "socket": "socket", "url": s.Collab(), "editor": "codemirror", "name": name, "token": admin.Token(name)}, nil)
		}
		cast.call("open", args{"id": "witness", "provider": yWebsocket, "editor": "codemirror", "url": s.Collab(), "name": doc, "token": admin.Token(doc)}, nil)
		cast.until("saved", nil, "one", "two")
		cast.until("present", []string{"one", "witness"}, "one", "witness")

		for _, word := range []string{"first ", "second "} {
			cast.call("detach", args{"id": "one"}, nil)
			cast.until("present", []string{"witness"}, "witness")
			cast.typed("one", word)
			cast.typed("witness", "meanwhile-"+word)
			cast.typed("two", word)
			cast.until("saved", nil, "two")
			cast.until("unsaved", nil, "one")
			cast.call("attach", args{"id": "one"}, nil)
			cast.agree([]string{word, "meanwhile-" + word}, "one", "witness")
			cast.until("saved", nil, "one")
			cast.until("unsynced", 0, "one")
			cast.call("move", args{"id": "one"}, nil)
			cast.until("present", []string{"one", "witness"}, "witness")
		}
		// An editor is taken down and put up again, as frameworks like to do.
		end := cast.Ask("close", args{"id": "one"})
		cast.call("open", args{"id": "again", "provider": provider, "socket": "socket", "editor": "codemirror", "name": doc, "token": admin.Token(doc), "words": []string{"third "}}, nil)
		if err := end(rig.Patience, nil); err != nil {
			t.Fatal(err)
		}
		cast.agree([]string{"third "}, "again", "witness")
		cast.until("saved", nil, "again")
		cast.until("unsynced", 0, "again")
		cast.undisturbed("socket")

		// While there is no connection the providers only note that the document is closed, and may say so after they have opened it again.
		s.Signal(syscall.SIGKILL)
		cast.until("closes", 1, "again", "two", "witness")
		cast.call("detach", args{"id": "again"}, nil)
		cast.typed("again", "fourth ")
		cast.call("attach", args{"id": "again"}, nil)
		cast.typed("again", "fifth ")
		s.Restart()
		cast.agree([]string{"fourth ", "fifth "}, "again", "witness")
		cast.until("saved", nil, "again", "two")
		cast.until("unsynced", 0, "again", "two")
		cast.typed("again", "sixth ")
		cast.agree([]string{"sixth "}, "again", "witness")
		cast.until("saved", nil, "again")
		cast.Kill()
	}
}

// All providers give a connection up on which they hear nothing for thirty seconds. Alone in a document, with nobody typing, they all stay.
func TestIdleConnectionsStay(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	cast := newStage(t)
	for _, id := range providers {
		doc := admin.Document(id)
		cast.call("open", args{"id": id, "provider": id, "editor": "tiptap", "url": s.Collab(), "name": doc, "token": admin.Token(doc)}, nil)
	}
	cast.until("synced", nil, providers...)
	<-time.After(35 * time.Second) // the idleness itself
	for _, id := range providers {
		if codes := cast.status(id).Codes; len(codes) > 0 {
			t.Errorf("%s was closed with %v", id, codes)
		}
		cast.typed(id, "there ")
	}
	cast.until("saved", nil, providers...)
}
