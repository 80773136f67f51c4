package e2e

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/google/go-cmp/cmp"
)

// Forty stock clients in ten documents edit at random, lose their connections, edit on and come back, and once the server dies, too. In the end everybody
// in a document has the same state vector, delete set, structs and content, and so has whoever opens it afresh.
func TestFleetConverges(t *testing.T) {
	const documents, clients, edits = 10, 4, 150
	seed := rand.Uint32()
	t.Logf("seed %d", seed)

	s := startServer(t)
	admin := s.Admin()
	var people []*rig.Person
	for _, name := range []string{"ada", "bea", "cy"} {
		people = append(people, admin.Member(name))
	}
	type room struct {
		Room   string   `json:"room"`
		Tokens []string `json:"tokens"`
	}
	var rooms []room
	for n := range documents {
		r := room{Room: admin.Document(fmt.Sprint("Document ", n), people...)}
		for i := range clients { // the last one is the first person's second client
			r.Tokens = append(r.Tokens, people[i%len(people)].Token(r.Room))
		}
		rooms = append(rooms, r)
	}
	script := runScript(t, "fleet.mjs", func(e rig.Event) { t.Errorf("%s: %s", e.Kind, e.Value) })
	args := map[string]any{"url": s.Collab(), "rooms": rooms, "seed": seed, "edits": edits}
	script.call("open", args, nil)
	playing := script.Ask("play", args)
	<-time.After(time.Duration(seed%2000) * time.Millisecond) // a random moment
	s.Kill()
	s.Restart()
	script.await(playing, time.Minute, nil)
	var took int
	script.await(script.Ask("settle", args), time.Minute, &took)
	var digests map[string]map[string]string
	script.await(script.Ask("compare", args), time.Minute, &digests)

	for _, r := range rooms {
		var state []byte
		var served map[string]string
		admin.Call("GET", "/documents/"+r.Room+"/content?format=yjs", nil, http.StatusOK, &state)
		script.call("digest", map[string]any{"state": base64.StdEncoding.EncodeToString(state)}, &served)
		if diff := cmp.Diff(digests[r.Room], served); diff != "" {
			t.Errorf("the content that the server gives differs from its clients' (-clients +server):\n%s", diff)
		}
	}
	var counts struct{ Clients, Edits, Offline, Cuts int }
	script.call("counts", nil, &counts)
	t.Logf("%d clients, %d transactions, %d of them offline, %d connections cut; in step %d ms after the last", counts.Clients, counts.Edits, counts.Offline, counts.Cuts, took)
	if took > 5000 {
		t.Errorf("that is more than 5 s")
	}
	if counts.Clients != documents*clients || counts.Edits != documents*clients*edits || counts.Offline < 100 || counts.Cuts < 100 {
		t.Errorf("too little happened")
	}
}
