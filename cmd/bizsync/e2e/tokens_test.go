package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// Four people type unique tokens while the server dies six times, and each second time all of them with it, so that nobody could bring again what the server
// forgot. Each token that was acknowledged is there.
func TestAcknowledgedTokensSurvive(t *testing.T) {
	const kills = 6
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))

	s := startServer(t)
	admin := s.Admin()
	var people []*rig.Person
	for _, name := range []string{"ada", "bea", "cy", "dan"} {
		people = append(people, admin.Member(name))
	}
	doc := admin.Document("Tokens", people...)
	var tokens []string
	for _, p := range people {
		tokens = append(tokens, p.Token(doc))
	}

	acked := map[string]bool{} // owned by the scripts' listeners, one after the other, until the last script is killed
	listen := func(e rig.Event) {
		if e.Kind != "acked" {
			t.Errorf("%s: %s", e.Kind, e.Value)
			return
		}
		var news []string
		if err := json.Unmarshal(e.Value, &news); err != nil {
			t.Error(err)
		}
		for _, token := range news {
			acked[token] = true
		}
	}
	typed := 0
	var script *script
	for kill := 1; kill <= kills; kill++ {
		if script == nil {
			script = runScript(t, "tokens.mjs", listen)
			script.call("start", map[string]any{"url": s.Collab(), "room": doc, "tokens": tokens, "seed": random.Uint32(), "generation": kill}, nil)
		}
		<-time.After(time.Duration(100+random.IntN(1900)) * time.Millisecond) // a random moment
		s.Kill()
		if kill%2 == 0 {
			var n int
			script.call("typed", nil, &n)
			typed += n
			script.Kill()
			script = nil
		}
		s.Restart()
	}

	seen := map[string]int{}
	text := s.readFresh(t, doc, admin.Token(doc)).Text
	for token := range strings.SplitSeq(text, ";") {
		seen[token]++
	}
	delete(seen, "")
	lost, repeated := 0, 0
	for token := range acked {
		if seen[token] == 0 {
			lost++
			t.Errorf("token %s was acknowledged and is not there", token)
		}
	}
	for token, n := range seen {
		if n != 1 {
			repeated++
			t.Errorf("token %s is there %d times", token, n)
		}
	}
	t.Logf("%d tokens typed, %d acknowledged, %d in the document; of the acknowledged %d lost, %d repeated", typed, len(acked), len(seen), lost, repeated)
	if len(acked) < 200 || len(seen) > typed {
		t.Errorf("too little happened, or too much")
	}
}
