package api

import (
	"context"
	"errors"
	"testing"

	"github.com/bizsync/bizsync/store"
)

// An account makes one duplicate at a time, and so does a node: the next account waits.
func TestDuplicatesAtOnce(t *testing.T) {
	var st *stumbling
	h := newHarness(t, func(o *Options) {
		st = &stumbling{Store: o.Store, wait: make(chan struct{}), in: make(chan struct{})}
		o.Store = st
	})
	duplicate := func(p *person, d Document) reply {
		return p.call("POST", "/api/v1/documents/"+d.ID.String()+"/duplicate", map[string]any{"title": "slow"})
	}
	replies := make(chan reply)
	begin := func(name string) (*person, Document) {
		p := h.person(name, store.RoleMember)
		d := p.document("Plans", nil)
		go func() { replies <- duplicate(p, d) }()
		return p, d
	}
	ann, plans := begin("ann")
	<-st.in
	if r := duplicate(ann, plans).wants(429, codeManyAttempts); r.header.Get("Retry-After") == "" {
		t.Error("it isn't said when to try again")
	}
	begin("bob")
	eventually(t, "the second is waiting", func() bool {
		h.server.copies.mu.Lock()
		defer h.server.copies.mu.Unlock()
		return len(h.server.copies.by) == 2
	})
	select {
	case <-st.in:
		t.Error("two are made at once")
	case r := <-replies:
		t.Errorf("answered %d", r.status)
	default:
	}
	st.wait <- struct{}{}
	<-st.in // his, as there is room now
	close(st.wait)
	for range 2 {
		(<-replies).wants(201, "")
	}
	go func() { <-st.in }()
	duplicate(ann, plans).wants(201, "")
}

// Who waits in vain is told so, and may try again.
func TestDuplicatesWaitInVain(t *testing.T) {
	c := newCopies()
	for range copiesAtOnce {
		if err := c.begin(t.Context(), store.NewID()); err != nil {
			t.Fatal(err)
		}
	}
	ann := store.NewID()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if err := c.begin(over, ann); !errors.Is(err, errBusy) {
			t.Error(err)
		}
	}
}
