package crdt_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// How many random histories TestHistories goes through, and from which seed on:
//
//	go test ./collab/crdt -run TestHistories -histories 10000 -seed 1000
var (
	historyCount = flag.Int("histories", 300, "random histories to go through")
	historySeed  = flag.Int("seed", 1, "seed of the first random history")
)

func TestHistories(t *testing.T) {
	for seed := *historySeed; seed < *historySeed+*historyCount; seed++ {
		h := randomHistory(t, seed)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			checkHistory(t, h, rand.New(rand.NewPCG(uint64(seed), 1)))
		})
	}
}

func checkHistory(t *testing.T, h history, random *rand.Rand) {
	want := load(t, h.Updates...)
	if want.Pending {
		t.Fatal("the history itself is incomplete")
	}
	updates := make([]crdt.Update, len(h.Updates))
	inOrder := crdt.NewState()
	for i, b := range h.Updates {
		updates[i] = parse(t, b)
		inOrder.Apply(updates[i])
	}
	checkState(t, "in order", inOrder, want)

	// Any order, some twice: the same.
	shuffled := crdt.NewState()
	for _, i := range random.Perm(len(updates)) {
		shuffled.Apply(updates[i])
		shuffled.Apply(updates[random.IntN(len(updates))])
	}
	checkState(t, "shuffled", shuffled, want)
	if shuffled.Hash() != inOrder.Hash() {
		t.Error("the hash depends on the order")
	}

	checkMerge(t, updates, want, random)
	checkDiff(t, h, inOrder)
	checkDropped(t, h, updates, want, random)
	checkFit(t, updates, inOrder, want, random)
}

// checkState compares a whole state with what Yjs makes of the same updates.
func checkState(t *testing.T, what string, s *crdt.State, want document) {
	t.Helper()
	if !sameClocks(s.StateVector(), want.Clocks) {
		t.Fatalf("%s: state vector %v, want %v", what, s.StateVector(), want.Clocks)
	}
	for root, text := range map[string]string{"text": want.Text["text"], "xml": want.Lines["xml"], "none": ""} {
		if got, err := s.Text(root); err != nil || got != text {
			t.Fatalf("%s: text of %s (%v)\n%q\nwant\n%q", what, root, err, short(got), short(text))
		}
	}
	u := s.Encode()
	checkEncoded(t, what, u)
	checkLoads(t, what, want, u.Bytes())
}

// checkLoads lets Yjs load updates and compares the document.
func checkLoads(t *testing.T, what string, want document, updates ...[]byte) {
	t.Helper()
	got := load(t, updates...)
	switch {
	case got.Pending:
		t.Fatalf("%s: Yjs finds it incomplete", what)
	case fmt.Sprint(got.Clocks) != fmt.Sprint(want.Clocks):
		t.Fatalf("%s: Yjs reads state vector %v, want %v", what, got.Clocks, want.Clocks)
	case fmt.Sprint(got.Deletes) != fmt.Sprint(want.Deletes):
		t.Fatalf("%s: Yjs reads deletes %v, want %v", what, got.Deletes, want.Deletes)
	case got.View != want.View:
		t.Fatalf("%s: Yjs reads\n%s\nwant\n%s", what, short(got.View), short(want.View))
	}
}

func checkMerge(t *testing.T, updates []crdt.Update, want document, random *rand.Rand) {
	t.Helper()
	for len(updates) > 1 {
		n := min(len(updates), 1+random.IntN(6))
		i := random.IntN(len(updates) - n + 1)
		m := crdt.MergeUpdates(updates[i : i+n]...)
		checkEncoded(t, "merged", m)
		updates = append(append(append([]crdt.Update(nil), updates[:i]...), m), updates[i+n:]...)
		if n == 1 {
			break
		}
	}
	bytes := make([][]byte, len(updates))
	for i, u := range updates {
		bytes[i] = u.Bytes()
	}
	checkLoads(t, "merged", want, bytes...)
}

func checkDiff(t *testing.T, h history, s *crdt.State) {
	t.Helper()
	for i, b := range h.Vectors {
		sv, err := crdt.ParseStateVector(b)
		if err != nil {
			t.Fatal(err)
		}
		d := s.Diff(sv)
		checkEncoded(t, "diff", d)
		// What the peer has may differ a little from what it sent: Yjs cleans up
		// formats by itself, and splits surrogate pairs where a local edit cut one.
		want := load(t, append([][]byte{h.States[i]}, h.Updates...)...)
		checkLoads(t, fmt.Sprintf("diff for peer %d", i), want, h.States[i], d.Bytes())
	}
}

// checkDropped leaves updates out: the state must then be what Yjs has, pending
// or not, and become whole when they come at last.
func checkDropped(t *testing.T, h history, updates []crdt.Update, want document, random *rand.Rand) {
	t.Helper()
	s := crdt.NewState()
	var kept [][]byte
	var dropped []crdt.Update
	for i, u := range updates {
		if random.IntN(4) == 0 {
			dropped = append(dropped, u)
			continue
		}
		s.Apply(u)
		kept = append(kept, h.Updates[i])
	}
	partly := load(t, kept...)
	u := s.Encode()
	checkEncoded(t, "with gaps", u)
	if got := load(t, u.Bytes()); got.View != partly.View || got.Pending != partly.Pending {
		t.Fatalf("with gaps: Yjs reads (pending %v)\n%s\nwant (pending %v)\n%s", got.Pending, short(got.View), partly.Pending, short(partly.View))
	}
	all := [][]byte{u.Bytes()}
	for _, d := range dropped {
		s.Apply(d)
		all = append(all, d.Bytes())
	}
	checkState(t, "gaps filled", s, want)
	if load(t, all...).Pending {
		// Yjs sometimes keeps pending structs although the gap is filled, until
		// something else makes it look again; with its own merge as well.
		var own struct{ Update []byte }
		yjs.ask(t, map[string]any{"op": "merge", "updates": kept}, &own)
		if !load(t, append([][]byte{own.Update}, all[1:]...)...).Pending {
			t.Fatal("gaps filled in Yjs: incomplete, but not with Yjs's own merge")
		}
		return
	}
	checkLoads(t, "gaps filled in Yjs", want, all...)
}

// checkFit stages updates in random order through Fit, as a room does: what is
// missing something waits, and all must arrive in the end.
func checkFit(t *testing.T, updates []crdt.Update, whole *crdt.State, want document, random *rand.Rand) {
	t.Helper()
	known := crdt.Known{crdt.NewState(), crdt.NewState(), crdt.NewState()}
	foreign := random.IntN(2) == 0
	for _, u := range updates {
		// Rows from elsewhere are applied at once, in any order, gaps or not.
		if foreign && random.IntN(4) == 0 {
			known[0].Apply(u)
		}
	}
	held := append([]crdt.Update(nil), updates...)
	random.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	for round := 0; len(held) > 0; round++ {
		if round > len(updates) {
			t.Fatalf("%d updates are never complete", len(held))
		}
		var still []crdt.Update
		for _, u := range held {
			fit := known.Fit(u, nil)
			if fit.Foreign {
				t.Fatal("foreign without an owner")
			}
			// Half of them are staged in part, as a step 2 is.
			if fit.Missing && round%2 == 0 {
				still = append(still, u)
				continue
			}
			checkEncoded(t, "fitted", fit.Update)
			if f := fit.Update.Facts(); f.Structs != fit.Structs || f.Ranges != fit.DeleteRanges {
				t.Fatalf("Fit says %d structs and %d ranges of %+v", fit.Structs, fit.DeleteRanges, f)
			}
			known[2].Apply(fit.Update)
			if fit.Missing {
				still = append(still, u)
			} else if again := known.Fit(u, nil); !again.Update.IsEmpty() || again.Missing {
				t.Fatalf("staged already, but Fit says %+v", again)
			} else if again.Layer < 0 && !u.IsEmpty() {
				t.Fatal("staged already, but no layer has it")
			}
			if random.IntN(5) == 0 {
				commit(t, known, !foreign)
			}
		}
		held = still
	}
	commit(t, known, !foreign)
	commit(t, known, !foreign)
	checkState(t, "fitted", known[0], want)
	if known[0].Hash() != whole.Hash() {
		t.Error("fitted: another hash")
	}
}

// commit moves the layers on: in flight to committed, gathering to in flight. With
// nothing foreign, at no time may the committed state be incomplete.
func commit(t *testing.T, known crdt.Known, complete bool) {
	t.Helper()
	known[0].Apply(known[1].Encode())
	known[1].Reset()
	known[1], known[2] = known[2], known[1]
	if complete && load(t, known[0].Encode().Bytes()).Pending {
		t.Fatal("a committed state is incomplete")
	}
}
