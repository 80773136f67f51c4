package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// One person types in two tabs, which also pass edits and presence to each other by BroadcastChannel, while the server dies under them. Both can type on
// afterwards, somebody else sees both carets, and nothing is lost or repeated.
func TestTwoTabs(t *testing.T) {
	const kills = 3
	seed := rand.Uint32()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 3))

	s := startServer(t)
	admin := s.Admin()
	ada, bea := admin.Member("ada"), admin.Member("bea")
	doc := admin.Document("Two tabs", ada, bea)
	script := runScript(t, "tabs.mjs", func(e rig.Event) { t.Errorf("%s: %s", e.Kind, e.Value) })
	script.call("open", map[string]any{"url": s.Collab(), "room": doc, "token": ada.Token(doc), "onlookerToken": bea.Token(doc), "seed": seed}, nil)
	for range kills {
		<-time.After(time.Duration(random.IntN(1000)) * time.Millisecond) // a random moment
		s.Kill()
		script.call("hearEachOther", nil, nil)
		s.Restart()
		script.call("typeOn", nil, nil)
	}
	var carets struct {
		Names  []string
		Others int
	}
	script.call("carets", nil, &carets)
	if !slices.Equal(carets.Names, []string{"ada", "ada"}) || carets.Others != 0 {
		t.Errorf("the carets are of %v, and there are %d more", carets.Names, carets.Others)
	}
	var typed []int
	script.call("stop", nil, &typed)
	script.Kill()

	var want []string
	for i, tab := range []string{"l", "r"} {
		for n := range typed[i] {
			want = append(want, fmt.Sprint(tab, n))
		}
	}
	got := strings.Split(strings.TrimSuffix(s.readFresh(t, doc, bea.Token(doc)).Text, ";"), ";")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d tokens were typed, %d are there", len(want), len(got))
	}
	t.Logf("%d tokens typed in two tabs, all there once", len(want))
}
