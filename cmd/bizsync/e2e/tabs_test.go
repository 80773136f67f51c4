package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// One person types in two tabs, which also pass edits and presence to each other by BroadcastChannel, while the server dies under them. Both can type on
// afterwards, somebody else sees both carets, and nothing is lost or repeated.
func TestTwoTabs(t *testing.T) {
	const kills = 3
	seed := rand.Uint32()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 3))

	s := startServer(t)
	admin := s.admin()
	ada, bea := admin.member("ada"), admin.member("bea")
	doc := admin.document("Two tabs", ada, bea)
	script := runScript(t, "tabs.mjs", func(e event) { t.Errorf("%s: %s", e.Event, e.Value) })
	script.call("open", map[string]any{"url": s.collab(), "room": doc, "token": ada.token(doc), "onlookerToken": bea.token(doc), "seed": seed}, nil)
	for range kills {
		<-time.After(time.Duration(random.IntN(1000)) * time.Millisecond) // a random moment
		s.kill()
		script.call("hearEachOther", nil, nil)
		s.restart()
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
	script.kill()

	var want []string
	for i, tab := range []string{"l", "r"} {
		for n := range typed[i] {
			want = append(want, fmt.Sprint(tab, n))
		}
	}
	got := strings.Split(strings.TrimSuffix(s.readFresh(t, doc, bea.token(doc)).Text, ";"), ";")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%d tokens were typed, %d are there", len(want), len(got))
	}
	t.Logf("%d tokens typed in two tabs, all there once", len(want))
}
