package providers

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Three people type without pause while the server dies again and again, at the very moment at which one of them is told that something is saved, and each second time all of them with
// it, so that nobody could bring again what it forgot. What a provider said to be saved is there.
func TestSavedIsCommitted(t *testing.T) {
	t.Parallel()
	const kills = 8
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 4))

	s := startServer(t)
	admin := s.Admin()
	doc := admin.Document("Saved")
	tokens := map[string]string{}
	for _, provider := range hocuspocus {
		p := admin.Member(provider)
		admin.Share(doc, p, "editor")
		tokens[provider] = p.Token(doc)
	}

	var saved []string
	var cast *stage
	for kill := 1; kill <= kills; kill++ {
		if cast == nil {
			cast = newStage(t)
			for i, provider := range hocuspocus {
				cast.call("open", args{"id": provider, "provider": provider, "editor": "codemirror", "url": s.Collab(), "name": doc, "token": tokens[provider],
					"asFunction": kill == i, "report": true}, nil)
				cast.call("typist", args{"id": provider, "prefix": fmt.Sprintf("%s-%d-", provider, kill)}, nil)
			}
			cast.until("synced", nil, hocuspocus...)
		}
		<-time.After(time.Duration(100+random.IntN(900)) * time.Millisecond) // a random moment, and the next news from then on
		cast.call("arm", args{"pid": s.PID()}, nil)
		s.Killed()
		if kill%2 == 0 {
			cast.Kill()
			saved = append(saved, cast.saves()...)
			cast = nil
		}
		s.Restart()
	}

	stored := read(t, s, doc, admin.Token(doc)).Code
	lost := 0
	for _, word := range saved {
		if n := strings.Count(stored, word); n != 1 {
			lost++
			t.Errorf("%q was saved and is there %d times", word, n)
		}
	}
	t.Logf("%d words in the document, of %d a provider said that they were saved, %d of those are not there once", strings.Count(stored, ";"), len(saved), lost)
	if len(saved) < 30 {
		t.Error("too little happened")
	}
}

// A server that doesn't answer has saved nothing, and one that answers again lets the counters of all versions come down to nothing at all, whatever was typed offline. (Version
// 2 counts below zero when it is told too often, and then calls the next edits saved that are not.)
func TestCountersComeBackToZero(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	admin := s.Admin()
	for _, provider := range hocuspocus {
		doc := admin.Document(provider)
		cast := newStage(t)
		// Five edits before the first connection, and five more that are typed and, in part, erased.
		cast.call("open", args{"id": "a", "provider": provider, "editor": "codemirror", "url": s.Collab(), "name": doc, "token": admin.Token(doc),
			"words": []string{"one ", "two ", "three ", "four ", "five "}}, nil)
		cast.call("open", args{"id": "b", "provider": provider, "editor": "tiptap", "url": s.Collab(), "name": doc, "token": admin.Token(doc), "asFunction": true,
			"words": []string{"six ", "seven ", "eight ", "nine ", "ten "}}, nil)
		cast.until("saved", nil, "a", "b")
		cast.until("unsynced", 0, "a", "b")
		cast.call("force", args{"id": "a"}, nil)
		cast.until("unsynced", 0, "a")

		s.Signal(syscall.SIGSTOP)
		cast.typed("a", "eleven ", "twelve ")
		cast.typed("b", "thirteen ")
		cast.until("unsynced", 2, "a")
		cast.until("unsynced", 1, "b")
		cast.until("unsaved", nil, "a", "b")
		s.Signal(syscall.SIGCONT)
		cast.until("unsynced", 0, "a", "b")

		s.Signal(syscall.SIGSTOP)
		cast.typed("a", "fourteen ")
		s.Signal(syscall.SIGKILL)
		cast.until("closes", 1, "a", "b")
		cast.typed("a", "fifteen ", "sixteen ", "seventeen ", "eighteen ", "nineteen ")
		cast.call("erase", args{"id": "a", "count": len("nineteen ")}, nil)
		cast.until("unsaved", nil, "a")
		s.Restart()
		cast.until("synced", nil, "a", "b")
		cast.typed("a", "twenty ")
		cast.until("saved", nil, "a", "b")
		cast.until("unsynced", 0, "a", "b")
		there := cast.agree([]string{"twenty "}, "a", "b")

		s.Signal(syscall.SIGKILL)
		cast.Kill()
		s.Restart()
		stored := read(t, s, doc, admin.Token(doc))
		const code, rich = "one two three four five eleven twelve fourteen fifteen sixteen seventeen eighteen twenty ", "<paragraph>six seven eight nine ten thirteen </paragraph>"
		if stored.State != there.State || stored.Code != code || stored.Rich != rich {
			t.Errorf("%s: agreed upon %+v, stored %+v", provider, there, stored)
		}
	}
}
