package collab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/collab/crdt/lib0"
	"github.com/bizsync/bizsync/store"
)

// Why an update can't be a document's first content.
var (
	ErrMalformed  = crdt.ErrMalformed
	ErrIncomplete = errors.New("the update refers to what it doesn't have")
	ErrTooLarge   = errors.New("the update is over a limit")
)

// Draft is the content that a document begins with.
type Draft struct {
	Update  []byte   // Yjs v1; nil when there is none
	Clients []uint64 // client ids under which it brings structs
}

// CheckDraft checks a v1 update as a client's frame is checked that comes into an empty document: bounds, what it refers to, and the limits on what a frame adds and a document has. It must be
// complete by itself. Its errors wrap ErrMalformed, ErrIncomplete or ErrTooLarge.
func (h *Hub) CheckDraft(update []byte) (Draft, error) {
	if int64(len(update)) > h.limits.FrameBytes {
		return Draft{}, fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, h.limits.FrameBytes)
	}
	u, err := crdt.ParseUpdate(update)
	if err != nil {
		return Draft{}, err
	}
	fit := crdt.Known{crdt.NewState()}.Fit(u, nil)
	if reason := h.limits.exceededBy(fit); reason != "" {
		return Draft{}, fmt.Errorf("%w: %s", ErrTooLarge, reason)
	}
	if fit.Bytes+clientBytes*fit.NewClients > h.limits.DocumentBytes {
		return Draft{}, fmt.Errorf("%w: a document has at most %d bytes", ErrTooLarge, h.limits.DocumentBytes)
	}
	if fit.Missing {
		return Draft{}, ErrIncomplete
	}
	if fit.Update.IsEmpty() {
		return Draft{}, nil
	}
	return Draft{Update: fit.Update.Bytes(), Clients: fit.Writers}, nil
}

// TextDraft makes the update of a document whose root of that name is a Y.Text with this text, which must be valid UTF-8. Line breaks become "\n": editors count one place for
// a break, and Yjs one for each unit.
func TextDraft(root, text string) []byte {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if text == "" {
		return crdt.Update{}.Bytes()
	}
	// One client, one struct from clock 0: a string (4) without origins, whose parent (1) is a root.
	b := lib0.AppendVarUint([]byte{1, 1}, uint64(rand.Uint32())) // as Yjs draws them
	b = lib0.AppendVarString(append(b, 0, 4, 1), root)
	return append(lib0.AppendVarString(b, text), 0) // nothing deleted
}

// Claim binds client ids in a document to an account, as an editing session of that account does when it begins. Those that are bound to another one stay that one's.
func (h *Hub) Claim(ctx context.Context, doc store.DocumentID, user store.UserID, clients []uint64) error {
	if len(clients) == 0 || h.trustClientIDs {
		return nil
	}
	heads, err := h.store.Heads(ctx, []store.DocumentID{doc})
	if err != nil {
		return fmt.Errorf("claim client ids: %w", err)
	}
	if len(heads) == 0 {
		return fmt.Errorf("claim client ids: %w", store.ErrNotFound)
	}
	part := store.DocumentAppend{Document: doc, Epoch: heads[0].Epoch, UpTo: heads[0].Seq, UpToRow: heads[0].Row, AccessVersion: heads[0].AccessVersion, Announce: make([]store.Binding, len(clients))}
	for i, client := range clients {
		part.Announce[i] = store.Binding{Client: client, User: user}
	}
	batch := store.Batch{Key: store.Key{Run: uuid.New(), Number: 1}, Documents: []store.DocumentAppend{part}}
	result, err := h.store.Append(ctx, batch)
	if errors.Is(err, store.ErrUncertain) {
		result, err = h.store.Append(ctx, batch) // the same under its key: it happens once
	}
	if err != nil {
		return fmt.Errorf("claim client ids: %w", err)
	}
	if refused := result.Documents[0].Refused; refused != store.Accepted {
		return fmt.Errorf("claim client ids: %v", refused)
	}
	return nil
}
