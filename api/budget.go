package api

import (
	"cmp"
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// largeFrame is the size in bytes above which a message takes from the node's budget for large frames.
	largeFrame = 1 << 20
	// largeFrameBudget is what large frames in transit may hold on a node, in bytes.
	largeFrameBudget = 64 << 20
	// ownerShares is how many parts of the budget there are, of which one owner may have one.
	ownerShares = 4
	// crawl is how fast a large frame must come at least while others wait for budget, in bytes a second: an eighth of a line of 1 Mbit/s.
	crawl = 16 << 10
)

// frameBudget is the memory of a node for large frames in transit. A message takes more of it as it grows, and gives it back when its connection reads on.
//
// The frames of one owner are bounded together, by what they may become: those beyond that wait, and only for each other. And nobody waits for somebody who waits for
// them: more is given only while there is an order left in which all can come to their end (the banker's algorithm: E. W. Dijkstra, EWD 623).
type frameBudget struct {
	total, share int64 // in bytes, of the node and of an owner

	mu      sync.Mutex
	free    int64                  // guarded by mu
	owners  map[string]*frameOwner // guarded by mu: those of all frames that are here
	holding []*largeFrameHold      // guarded by mu; each has more than largeFrame, so they are few
	growing *list.List             // of *largeFrameHold, guarded by mu: those of holding that wait for more
	coming  *list.List             // of *largeFrameHold, guarded by mu: those that have nothing yet, and may as far as their owner goes
	order   []*largeFrameHold      // guarded by mu; space for sound
}

// frameOwner is an account, or the address of whoever is not known yet. It is guarded by the budget's mu.
type frameOwner struct {
	name    string
	claimed int64      // by its frames that are within the share
	beyond  *list.List // of *largeFrameHold: those that wait for these
}

// largeFrameHold is what one message has of the budget.
type largeFrameHold struct {
	paid atomic.Int64 // until when the message has come fast enough, on the clock of sockets

	// Guarded by the budget's mu.
	owner *frameOwner
	claim int64 // what the message may become
	held  int64
	want  int64         // what it is to hold
	given chan struct{} // closed when it does; nil: it doesn't wait
	queue *list.List    // in which it waits
	at    *list.Element
}

// newFrameBudget makes a budget in which a frame of the largest size always fits.
func newFrameBudget(total, largest int64) *frameBudget {
	total = max(total, largest)
	return &frameBudget{total: total, share: max(total/ownerShares, largest), free: total, owners: make(map[string]*frameOwner), growing: list.New(), coming: list.New()}
}

// enter has a message of an owner's begin that may become claim bytes, at most the share, and takes want of them. given is nil when it has them, else closed when it does.
// leave must be called in the end.
func (b *frameBudget) enter(owner string, claim, want int64) (h *largeFrameHold, given <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.owners[owner]
	if o == nil {
		o = &frameOwner{name: owner, beyond: list.New()}
		b.owners[owner] = o
	}
	h = &largeFrameHold{owner: o, claim: claim, want: want}
	if o.beyond.Len() > 0 || o.claimed+claim > b.share {
		return h, h.wait(o.beyond)
	}
	o.claimed += claim
	if b.coming.Len() > 0 || !b.give(h) {
		return h, h.wait(b.coming)
	}
	return h, nil
}

// grow takes more for a message, so that it holds want; given is as for enter.
func (b *frameBudget) grow(h *largeFrameHold, want int64) (given <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.want = want; b.give(h) {
		return nil
	}
	return h.wait(b.growing)
}

// whole says that a message has come to its end and grows no more.
func (b *frameBudget) whole(h *largeFrameHold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.owner.claimed -= h.claim - h.held
	h.claim = h.held
	b.next(h.owner)
}

// leave gives back all that a message has, or waits for.
func (b *frameBudget) leave(h *largeFrameHold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := h.owner
	if h.queue != o.beyond {
		o.claimed -= h.claim
	}
	h.waitNoMore()
	if h.held > 0 {
		b.free += h.held
		at := slices.Index(b.holding, h)
		b.holding = slices.Delete(b.holding, at, at+1)
	}
	b.next(o)
	if o.claimed == 0 && o.beyond.Len() == 0 {
		delete(b.owners, o.name)
	}
}

// wanted says whether somebody waits for what a message has.
func (b *frameBudget) wanted(h *largeFrameHold) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.growing.Len() > 0 || b.coming.Len() > 0 || h.owner.beyond.Len() > 0
}

// next gives to those who wait what can be given now that an owner's frames have less. The caller holds mu.
func (b *frameBudget) next(o *frameOwner) {
	for e := o.beyond.Front(); e != nil; e = o.beyond.Front() {
		h := e.Value.(*largeFrameHold)
		if o.claimed+h.claim > b.share {
			break
		}
		o.claimed += h.claim
		o.beyond.Remove(e)
		h.queue, h.at = b.coming, b.coming.PushBack(h)
	}
	for e := b.growing.Front(); e != nil; {
		h := e.Value.(*largeFrameHold)
		e = e.Next()
		if b.give(h) {
			h.waitNoMore()
		}
	}
	// These have nothing that anybody could wait for, so they may wait for each other.
	for e := b.coming.Front(); e != nil; e = b.coming.Front() {
		h := e.Value.(*largeFrameHold)
		if !b.give(h) {
			break
		}
		h.waitNoMore()
	}
}

// give has a message hold what it wants, if all can still come to their end then. The caller holds mu.
func (b *frameBudget) give(h *largeFrameHold) bool {
	had, more := h.held, h.want-h.held
	if more > b.free {
		return false
	}
	b.free, h.held = b.free-more, h.want
	if had == 0 {
		b.holding = append(b.holding, h)
	}
	if b.sound() {
		return true
	}
	b.free, h.held = b.free+more, had
	if had == 0 {
		b.holding = b.holding[:len(b.holding)-1]
	}
	return false
}

// sound says whether all messages can come to their end one after the other, each growing to its claim before it gives back what it holds. The caller holds mu.
func (b *frameBudget) sound() bool {
	b.order = append(b.order[:0], b.holding...)
	defer func() { clear(b.order) }()
	slices.SortFunc(b.order, func(x, y *largeFrameHold) int { return cmp.Compare(x.claim-x.held, y.claim-y.held) })
	free := b.free
	for _, h := range b.order {
		if h.claim-h.held > free {
			return false
		}
		free += h.held
	}
	return true
}

// wait has a message wait in a queue. The caller holds the budget's mu.
func (h *largeFrameHold) wait(queue *list.List) <-chan struct{} {
	h.given = make(chan struct{})
	h.queue, h.at = queue, queue.PushBack(h)
	return h.given
}

// waitNoMore takes a message that waits out of its queue, and tells whoever waits with it. The caller holds the budget's mu.
func (h *largeFrameHold) waitNoMore() {
	if h.queue == nil {
		return
	}
	h.queue.Remove(h.at)
	close(h.given)
	h.queue, h.at, h.given = nil, nil, nil
}

// came notes that n bytes of a message have come: they are worth the time that they may take, of which window is kept at most.
func (h *largeFrameHold) came(n int, now int64, window time.Duration) {
	worth := int64(n) * int64(time.Second) / crawl
	h.paid.Store(min(max(h.paid.Load(), now)+worth, now+int64(window)))
}
