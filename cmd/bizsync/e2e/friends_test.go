package e2e

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// Two people type a recorded session at the same time while the server is killed five times. Somebody new then reads what they wrote, to the letter.
func TestFriendsForever(t *testing.T) {
	const kills = 5
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))

	s := startServer(t)
	admin := s.Admin()
	people := []*rig.Person{admin.Member("ada"), admin.Member("bea")}
	doc := admin.Document("Friends forever", people...)
	script := runScript(t, "friends.mjs", func(e rig.Event) { t.Errorf("%s: %s", e.Kind, e.Value) })
	var trace struct {
		Transactions, Agents int
		EndContent           string
	}
	script.call("open", map[string]any{"file": "../testdata/traces/friendsforever.json.gz", "url": s.Collab(), "room": doc,
		"tokens": []string{people[0].Token(doc), people[1].Token(doc)}}, &trace)
	if trace.Agents != 2 || len(trace.EndContent) < 20_000 {
		t.Fatalf("not the trace: %d agents, %d bytes", trace.Agents, len(trace.EndContent))
	}

	began := time.Now()
	all := script.Ask("type", nil)
	var moments []int
	for range kills {
		moments = append(moments, random.IntN(trace.Transactions))
	}
	slices.Sort(moments)
	for _, n := range moments {
		script.call("typed", map[string]any{"count": n}, nil)
		<-time.After(time.Duration(random.IntN(20)) * time.Millisecond) // a random moment
		s.Kill()
		s.Restart()
	}
	var same []bool
	script.await(all, 2*time.Minute, &same)
	t.Logf("%d transactions typed by two people in %v, the server killed after %v", trace.Transactions, time.Since(began).Round(time.Millisecond), moments)
	script.Kill()

	if got := s.readFresh(t, doc, admin.Token(doc)).Text; got != trace.EndContent {
		t.Errorf("a fresh client reads %d bytes, not endContent's %d", len(got), len(trace.EndContent))
	}
	// And what it reads is on the disk.
	s.Kill()
	s.Restart()
	if got := s.readFresh(t, doc, admin.Token(doc)).Text; got != trace.EndContent {
		t.Errorf("after one more restart a fresh client reads %d bytes, not endContent's %d", len(got), len(trace.EndContent))
	}
	if !slices.Equal(same, []bool{true, true}) {
		t.Errorf("a client changed its id: %v", same)
	}
}
