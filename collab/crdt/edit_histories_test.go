package crdt_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
)

// How many random editing sessions the tests go through, and from which seed on:
//
//	go test ./collab/crdt -run TestEditsAsYjs -edits 10000 -edit-seed 1000
var (
	editCount = flag.Int("edits", 400, "random editing sessions to go through")
	editSeed  = flag.Int("edit-seed", 1, "seed of the first random editing session")
)

// session is what several peers did together, and what became of it in Go.
type session struct {
	Peers   []*peer  `json:"peers"`
	Updates [][]byte `json:"updates"` // all that were made

	seed int
	docs []*crdt.Doc
	made [][]crdt.Update // by peer
}

// randomSession lets peers edit in Go, each now and then taking over what others did.
func randomSession(t testing.TB, seed int) *session {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(seed), 7))
	s := &session{seed: seed}
	n := 1 + r.IntN(3)
	seen := make([]int, n*n) // of each peer, how many updates of each other one
	for p := range n {
		d, err := crdt.NewDoc(crdt.NewState())
		if err != nil {
			t.Fatal(err)
		}
		s.docs = append(s.docs, d)
		s.made = append(s.made, nil)
		s.Peers = append(s.Peers, &peer{Client: uint64(1 + p + 10*r.IntN(1+r.IntN(1<<28))), Steps: []step{}})
	}
	receive := func(p, from, upTo int) {
		for ; seen[p*n+from] < upTo; seen[p*n+from]++ {
			u := s.made[from][seen[p*n+from]]
			if err := s.docs[p].Apply(u); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			s.Peers[p].Steps = append(s.Peers[p].Steps, step{Receive: u.Bytes()})
		}
	}
	e := &editor{Rand: r}
	for range n * (3 + r.IntN(8)) {
		p := r.IntN(n)
		u, err := s.docs[p].Edit(s.Peers[p].Client, e.transaction)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		checkEncoded(t, "edit", u)
		s.Peers[p].Steps = append(s.Peers[p].Steps, step{Calls: e.calls})
		s.made[p] = append(s.made[p], u)
		s.Updates = append(s.Updates, u.Bytes())
		if q := r.IntN(n); q != p {
			receive(q, p, r.IntN(len(s.made[p])+1))
		}
	}
	for p := range n {
		for q := range n {
			if p != q {
				receive(p, q, len(s.made[q]))
			}
		}
	}
	return s
}

// yjsView is what Yjs has in the end.
type yjsView struct {
	View    string
	SV      []byte
	Pending bool
	Updates [][]byte
}

// TestEditsAsYjs makes the same calls in Go and in Yjs. All peers must read the same
// in the end, and what Go's peers emitted must load in Yjs as that.
func TestEditsAsYjs(t *testing.T) {
	const batch = 100
	same, all := 0, 0
	for first := *editSeed; first < *editSeed+*editCount; first += batch {
		var sessions []*session
		for seed := first; seed < min(first+batch, *editSeed+*editCount); seed++ {
			sessions = append(sessions, randomSession(t, seed))
		}
		answers := askEdits[struct {
			Peers  []yjsView
			Loaded yjsView
		}](t, "play", sessions)
		for i, s := range sessions {
			a := answers[i]
			want := viewDoc(s.docs[0])
			if a.Loaded.Pending {
				t.Fatalf("seed %d: Yjs finds Go's updates incomplete", s.seed)
			}
			checkSession(t, s, "Yjs with Go's updates", a.Loaded.View, a.Loaded.SV, want)
			for p, d := range s.docs {
				checkSession(t, s, "Go", viewDoc(d), d.State().EncodeStateVector(), want)
				fresh, err := crdt.NewDoc(d.State())
				if err != nil {
					t.Fatal(err)
				}
				checkSession(t, s, "Go, loaded again", viewDoc(fresh), nil, want)
				checkSession(t, s, "Yjs", a.Peers[p].View, a.Peers[p].SV, want)
				for k, u := range s.made[p] {
					all++
					if bytes.Equal(u.Bytes(), a.Peers[p].Updates[k]) {
						same++
					}
				}
			}
		}
	}
	t.Logf("%d of %d updates have the same bytes as Yjs's", same, all)
	if 10*same < 9*all {
		t.Errorf("only %d of %d updates have the same bytes as Yjs's", same, all)
	}
}

func checkSession(t *testing.T, s *session, who, view string, sv []byte, want string) {
	t.Helper()
	if view != want {
		t.Fatalf("seed %d: %s reads\n%s\nwant\n%s", s.seed, who, view, want)
	}
	if sv != nil && !bytes.Equal(sv, s.docs[0].State().EncodeStateVector()) {
		t.Fatalf("seed %d: %s has the state vector %x, want %x", s.seed, who, sv, s.docs[0].State().EncodeStateVector())
	}
}
