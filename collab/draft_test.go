package collab

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store/sqlite"
)

// A draft is what a client could have sent into an empty document: whole, and within every limit.
func TestCheckDraft(t *testing.T) {
	db, err := sqlite.Open(t.Context(), ":memory:", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := NewHub(Options{Store: db, Limits: Limits{FrameBytes: 4000, DocumentBytes: 2000, FrameStructs: 3, FrameClients: 2, FrameRoots: 1, FrameDeleteRanges: 1}})
	t.Cleanup(func() {
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	char := func(client byte, root string) []byte { // a block with the first letter that a client types
		return append(append([]byte{1, client, 0, 4, 1, byte(len(root))}, root...), 1, 'x')
	}
	join := func(blocks ...[]byte) []byte {
		b := []byte{byte(len(blocks))}
		for _, block := range blocks {
			b = append(b, block...)
		}
		return append(b, 0)
	}
	for name, tt := range map[string]struct {
		update  []byte
		want    error
		clients int
	}{
		"empty":             {[]byte{0, 0}, nil, 0},
		"one letter":        {join(char(7, "r")), nil, 1},
		"two people's":      {join(char(8, "r"), char(7, "r")), nil, 2},
		"no bytes":          {nil, ErrMalformed, 0},
		"cut off":           {join(char(7, "r"))[:5], ErrMalformed, 0},
		"a gap":             {[]byte{1, 1, 7, 5, 4, 1, 1, 'r', 1, 'x', 0}, ErrIncomplete, 0},
		"an unknown origin": {[]byte{1, 1, 7, 0, 0x84, 9, 3, 1, 'x', 0}, ErrIncomplete, 0},
		"a future delete":   {[]byte{0, 1, 7, 1, 0, 1}, ErrIncomplete, 0},
		"three people's":    {join(char(9, "r"), char(8, "r"), char(7, "r")), ErrTooLarge, 0},
		"two roots":         {join(char(8, "r"), char(7, "s")), ErrTooLarge, 0},
		"a long document":   {TextDraft("r", strings.Repeat("x", 2000)), ErrTooLarge, 0},
		"a long frame":      {TextDraft("r", strings.Repeat("x", 4000)), ErrTooLarge, 0},
	} {
		draft, err := h.CheckDraft(tt.update)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if len(draft.Clients) != tt.clients || (len(draft.Update) > 0) != (tt.clients > 0) {
			t.Errorf("%s: %+v", name, draft)
		}
	}
}

func TestTextDraft(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "one": "one", "a\r\nb\rc\n\r": "a\nb\nc\n\n", "한글 🙂\x00": "한글 🙂\x00",
	} {
		u, err := crdt.ParseUpdate(TextDraft("codemirror", text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		s := crdt.NewState()
		s.Apply(u)
		if got, err := s.Text("codemirror"); err != nil || got != want {
			t.Errorf("%q reads as %q, %v", text, got, err)
		}
	}
}
