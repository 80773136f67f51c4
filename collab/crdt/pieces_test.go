package crdt_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// checkPieces cuts what a peer lacks of s, and checks sizes, counts and sum.
func checkPieces(t testing.TB, s *crdt.State, have crdt.StateVector, limit int) [][]byte {
	t.Helper()
	whole := s.Diff(have)
	pieces := s.Pieces(have, limit)
	if len(whole.Bytes()) <= limit && (len(pieces) != 1 || string(pieces[0].Bytes()) != string(whole.Bytes())) {
		t.Fatalf("%d pieces of what is within the limit", len(pieces))
	}
	base := crdt.NewState()
	for c, n := range have {
		base.Apply(parse(t, update(c, 0, gc(max(n, 1)))))
	}
	want := base
	got := crdt.MergeUpdates(base.Encode())
	want.Apply(whole)
	all := []crdt.Update{got}
	bytes := make([][]byte, len(pieces))
	for i, p := range pieces {
		checkEncoded(t, fmt.Sprintf("piece %d", i), p)
		if p.IsEmpty() && len(pieces) > 1 {
			t.Fatalf("piece %d is empty", i)
		}
		bytes[i] = p.Bytes()
		all = append(all, p)
	}
	if sum := applyUpdates(all); sum.Hash() != want.Hash() || fmt.Sprint(sum.Roots()) != fmt.Sprint(want.Roots()) {
		t.Fatalf("limit %d: %d pieces make another state than the diff", limit, len(pieces))
	}
	return bytes
}

func applyUpdates(us []crdt.Update) *crdt.State {
	s := crdt.NewState()
	for _, u := range us {
		s.Apply(u)
	}
	return s
}

// checkSizes holds that no piece is longer than the limit, and that on average
// they are not much shorter.
func checkSizes(t testing.TB, pieces [][]byte, limit int) {
	t.Helper()
	sum := 0
	for i, p := range pieces {
		sum += len(p)
		if len(p) > limit {
			t.Errorf("piece %d of %d has %d bytes, limit %d", i, len(pieces), len(p), limit)
		}
	}
	if len(pieces) > 2 && sum/len(pieces) < limit/3 {
		t.Errorf("%d pieces have only %d bytes on average, limit %d", len(pieces), sum/len(pieces), limit)
	}
}

// checkIntegrates lets Yjs apply the pieces one after the other, on top of what
// the peer has, and compares with the whole at once.
func checkIntegrates(t testing.TB, what string, base, pieces [][]byte, want document) {
	t.Helper()
	got := load(t, append(base[:len(base):len(base)], pieces...)...)
	// A peer that lacks something itself has it pending from the start.
	if len(got.PendingAfter) > 0 && (len(base) == 0 || got.PendingAfter[0] > 0) {
		t.Fatalf("%s: Yjs can't integrate pieces %v of %d", what, got.PendingAfter, len(pieces))
	}
	if got.View != want.View || fmt.Sprint(got.Clocks) != fmt.Sprint(want.Clocks) || fmt.Sprint(got.Deletes) != fmt.Sprint(want.Deletes) {
		t.Fatalf("%s: Yjs reads\n%s\nwant\n%s", what, short(fmt.Sprint(got)), short(fmt.Sprint(want)))
	}
}

// TestPiecesOfHistories cuts random histories for peers that have nothing, and for
// the clients that made them as far as they have come.
func TestPiecesOfHistories(t *testing.T) {
	for seed := *historySeed; seed < *historySeed+*historyCount/4; seed++ {
		h := randomHistory(t, seed)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			s := applyAll(t, h.Updates)
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			limit := 256 + random.IntN(800)
			pieces := checkPieces(t, s, nil, limit)
			checkIntegrates(t, "all", nil, pieces, load(t, s.Encode().Bytes()))
			i := random.IntN(len(h.Vectors))
			have, err := crdt.ParseStateVector(h.Vectors[i])
			if err != nil {
				t.Fatal(err)
			}
			base := [][]byte{h.States[i]}
			pieces = checkPieces(t, s, have, limit)
			checkIntegrates(t, "for a peer", base, pieces, load(t, h.States[i], s.Diff(have).Bytes()))
		})
	}
}

// TestPiecesOfTraces cuts documents that people have written, and what a peer
// lacks that was there for the first half.
func TestPiecesOfTraces(t *testing.T) {
	for _, name := range []string{"automerge-paper", "friendsforever"} {
		t.Run(name, func(t *testing.T) {
			updates := traceUpdates(t, name)
			s := applyAll(t, updates)
			half := applyAll(t, updates[:len(updates)/2])
			want := load(t, s.Encode().Bytes())
			for _, limit := range []int{1 << 10, 16 << 10, 64 << 10} {
				pieces := checkPieces(t, s, nil, limit)
				checkSizes(t, pieces, limit)
				checkIntegrates(t, "all", nil, pieces, want)
				base := [][]byte{half.Encode().Bytes()}
				checkIntegrates(t, "the second half", base, checkPieces(t, s, half.StateVector(), limit), want)
			}
		})
	}
}

// TestPiecesOfLongStructs slices what is longer than a piece where that is possible.
func TestPiecesOfLongStructs(t *testing.T) {
	values := func(kind byte, n int, value []byte) []byte {
		b := lib0.AppendVarUint(lib0.AppendVarString([]byte{kind, 1}, "array"), uint64(n))
		for range n {
			b = append(b, value...)
		}
		return b
	}
	var alternate [][2]uint32
	for i := range uint32(100_000) {
		alternate = append(alternate, [2]uint32{2 * i, 1})
	}
	for _, c := range []struct {
		name    string
		updates [][]byte
	}{
		{"ASCII", [][]byte{update(1, 0, first(strings.Repeat("letters ", 1<<17)))}},
		{"pairs", [][]byte{update(1, 0, first("a"+strings.Repeat("😀", 1<<18)))}},
		{"mixed", [][]byte{update(1, 0, first(strings.Repeat("a😀é日", 1<<16)), after(1, 7, "behind"))}},
		{"values", [][]byte{update(1, 0, values(8, 200_000, []byte{119, 3, 'a', 'b', 'c'}))}},
		{"JSON", [][]byte{update(1, 0, values(2, 200_000, []byte("\x05[1,2]")))}},
		{"every second letter deleted", [][]byte{update(1, 0, first(strings.Repeat("ab", 100_000))), deletion(1, alternate...)}},
		{"deleted but for the ends", [][]byte{update(1, 0, first(strings.Repeat("ab", 300_000))), deletion(1, [2]uint32{100_000, 400_000})}},
		{"two writers", [][]byte{update(1, 0, first(strings.Repeat("ab", 100_000))), update(2, 0, after(1, 77_777, strings.Repeat("😀", 50_000)), after(1, 5, "x"))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := applyAll(t, c.updates)
			want := load(t, s.Encode().Bytes())
			for _, limit := range []int{10_000, 64 << 10} {
				pieces := checkPieces(t, s, nil, limit)
				checkSizes(t, pieces, limit)
				if limit == 64<<10 {
					checkIntegrates(t, c.name, nil, pieces, want)
				}
				for _, p := range pieces {
					if strings.Contains(string(p), "\uFFFD") {
						t.Fatal("a pair was cut")
					}
				}
			}
		})
	}
	// What can't be sliced makes one long piece.
	s := applyAll(t, [][]byte{update(1, 0, first("a"), append(lib0.AppendVarUint(lib0.AppendVarUint([]byte{0x83}, 1), 0), lib0.AppendVarBytes(nil, make([]byte, 5000))...), after(1, 1, "b"))})
	if pieces := checkPieces(t, s, nil, 1000); len(pieces) != 3 || len(pieces[1]) > 5040 {
		t.Errorf("%d pieces, the second of %d bytes", len(pieces), len(pieces[1]))
	}
}

// TestPiecesOfWhatIsIncomplete holds that all that can be integrated comes before
// what can't, and deletes of what the peer has, or nobody has, at the end.
func TestPiecesOfWhatIsIncomplete(t *testing.T) {
	long := strings.Repeat("letters ", 100)
	s := applyAll(t, [][]byte{
		update(9, 0, first(long)),
		update(8, 10, after(8, 9, long)),                  // behind a gap
		update(7, 0, after(6, 4, long)),                   // names what nobody has
		update(5, 0, after(7, 3, long)),                   // and this one names that
		update(4, 0, after(9, 7, long), after(8, 2, "x")), // in part
		update(3, 0, after(9, 7, long), after(9, 8, long)),
		deletion(9, [2]uint32{0, 3}), deletion(2, [2]uint32{0, 3}),
	})
	pieces := checkPieces(t, s, nil, 500)
	got := load(t, pieces...)
	ready := 0
	for len(got.PendingAfter) > 0 && ready < got.PendingAfter[0] {
		ready++
	}
	if len(got.PendingAfter) != len(pieces)-ready || fmt.Sprint(got.Clocks) != "map[3:1600 4:800 9:800]" {
		t.Errorf("pending after %v of %d pieces, %v", got.PendingAfter, len(pieces), got.Clocks)
	}
	if clocks := load(t, pieces[:ready]...).Clocks; fmt.Sprint(clocks) != "map[3:1600 4:800 9:800]" {
		t.Errorf("before the first that is pending: %v", clocks)
	}
}

// TestPiecesOfDeletes cuts a diff that is little else than a large delete set.
func TestPiecesOfDeletes(t *testing.T) {
	s := crdt.NewState()
	for c := uint64(1); c <= 3; c++ {
		var holes [][2]uint32
		for i := range uint32(20_000) {
			holes = append(holes, [2]uint32{3 * i, 1})
		}
		s.Apply(parse(t, update(c, 0, first(strings.Repeat("abc", 20_000)))))
		s.Apply(parse(t, deletion(c, holes...)))
	}
	have := s.StateVector()
	checkSizes(t, checkPieces(t, s, have, 20_000), 20_000)
	have[2] -= 300
	checkSizes(t, checkPieces(t, s, have, 20_000), 20_000)
	if got := crdt.NewState().Pieces(nil, 1000); len(got) != 1 || !got[0].IsEmpty() {
		t.Errorf("%d pieces of nothing", len(got))
	}
}

// BenchmarkPieces cuts documents of growing size into growing numbers of pieces:
// the time for each byte must not grow.
func BenchmarkPieces(b *testing.B) {
	long := func(n int) *crdt.State {
		return applyAll(b, [][]byte{update(1, 0, first(strings.Repeat("letters ", n/8)))})
	}
	zipped := func(n int) *crdt.State { return applyAll(b, [][]byte{zip(uint32(n / 10))}) }
	clients := func(n int) *crdt.State { return applyAll(b, [][]byte{manyClients(n / 10)}) }
	for _, c := range []struct {
		name string
		make func(n int) *crdt.State
	}{{"text", long}, {"zip", zipped}, {"clients", clients}} {
		for _, size := range []int{1 << 18, 1 << 20, 1 << 22} {
			s := c.make(size)
			for _, limit := range []int{4 << 10, 64 << 10} {
				b.Run(fmt.Sprintf("%s/%dK/limit=%dK", c.name, size>>10, limit>>10), func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(int64(len(s.Encode().Bytes())))
					for b.Loop() {
						s.Pieces(nil, limit)
					}
				})
			}
		}
	}
	s := applyAll(b, paperUpdates(b))
	b.Run("paper", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(s.Encode().Bytes())))
		for b.Loop() {
			s.Pieces(nil, 16<<10)
		}
	})
}
