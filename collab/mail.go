package collab

import (
	"runtime/debug"
	"sync"
	"time"
)

// mail is what happened to a room and was not looked at yet. A room has no goroutine of its own: whoever brings the first letter, or a goroutine started for it, runs the room
// until there is no letter left, and all others only leave theirs. So a room at rest costs no stack, and a letter that finds it at rest no switch of goroutines.
type mail struct {
	mu      sync.Mutex
	letters []event // guarded by mu, like all that follows
	spare   []event // memory for letters
	running bool    // somebody runs the room
	ended   bool    // for good: nobody reads what comes
}

const (
	// guestTurns is how many turns of a room somebody runs who only came to leave a letter; then a goroutine goes on.
	guestTurns = 4
	// smallRoom is how many sessions a room may have to be run by the node's common goroutines, whom others wait for, and lightLetter how large what they bring may be.
	smallRoom   = 32
	lightLetter = 16 << 10
	// heavyFrame is the size in bytes of a frame after which a room is left to itself for heavyTime.
	heavyFrame = 16 << 10
	heavyTime  = time.Second
	// spareLetters bounds the letter memory that a room at rest keeps.
	spareLetters = 2
)

// enter brings a letter and runs the room if nobody does; false when the room has ended. Readers of connections come here.
func (r *room) enter(ev event) bool {
	r.mail.mu.Lock()
	switch {
	case r.mail.ended:
		r.mail.mu.Unlock()
		return false
	case r.mail.running:
		r.mail.letters = append(r.mail.letters, ev)
		r.mail.mu.Unlock()
		return true
	}
	r.mail.running = true
	r.mail.mu.Unlock()
	r.handle(ev)
	if !r.turned() {
		r.turns(guestTurns)
	}
	return true
}

// post leaves a letter and returns at once.
func (r *room) post(ev event) {
	r.mail.mu.Lock()
	defer r.mail.mu.Unlock()
	if r.mail.ended {
		return
	}
	r.mail.letters = append(r.mail.letters, ev)
	if !r.mail.running {
		r.mail.running = true
		r.hub.roomsWG.Go(func() { r.turns(0) })
	}
}

// tell is for the goroutines that all rooms share, and whom all others wait for: they bring a light letter to a small room at rest, and nothing else; size is what the letter is about,
// in bytes.
func (r *room) tell(ev event, size int) {
	if size > lightLetter || r.busy.Load() {
		r.post(ev)
		return
	}
	r.mail.mu.Lock()
	if r.mail.ended || r.mail.running {
		r.mail.mu.Unlock()
		r.post(ev)
		return
	}
	r.mail.running = true
	r.mail.mu.Unlock()
	r.handle(ev)
	if !r.turned() && !r.laidDown() {
		r.hub.roomsWG.Go(func() { r.turns(0) })
	}
}

// laidDown stops running the room if no letter is left.
func (r *room) laidDown() bool {
	r.mail.mu.Lock()
	defer r.mail.mu.Unlock()
	if len(r.mail.letters) > 0 {
		return false
	}
	r.mail.running = false
	if cap(r.mail.spare) > spareLetters {
		r.mail.spare = nil
	}
	if cap(r.mail.letters) > spareLetters {
		r.mail.letters = nil
	}
	return true
}

// turns runs the room until no letter is left; a guest at most for so many turns (0: to the end).
func (r *room) turns(guest int) {
	for n := 1; !r.laidDown(); n++ {
		if guest > 0 && n > guest {
			r.hub.roomsWG.Go(func() { r.turns(0) })
			return
		}
		r.mail.mu.Lock()
		letters := r.mail.letters
		r.mail.letters, r.mail.spare = r.mail.spare[:0], nil
		r.mail.mu.Unlock()
		for i := range letters {
			r.handle(letters[i])
		}
		clear(letters)
		r.mail.mu.Lock()
		r.mail.spare = letters[:0]
		r.mail.mu.Unlock()
		if r.turned() {
			return
		}
	}
}

// turned ends a turn: what is due is done, and what was put for connections is sent. It says whether the room has ended.
func (r *room) turned() (ended bool) {
	r.settle()
	r.busy.Store(len(r.sessions) > smallRoom || len(r.parked)+len(r.holders)+len(r.awaiting) > 0 || !r.heavyAt.IsZero() && time.Since(r.heavyAt) < heavyTime)
	if r.finished() && r.hub.unload(r) {
		ended = true
		if r.failed == nil {
			r.wantCompaction(compactIdleRows, compactIdleBytes)
		}
		r.end()
	}
	for i, s := range r.touched {
		s.touched = false
		r.touched[i] = nil
		s.out.flush()
	}
	if r.touched = r.touched[:0]; cap(r.touched) > spareLetters && len(r.sessions) <= spareLetters {
		r.touched = nil
	}
	return ended
}

// rescue keeps a fault of ours in one document from taking the others down: the room is given up, and its document loaded anew by who comes next.
func (r *room) rescue() {
	if fault := recover(); fault != nil {
		r.hub.metrics.panics.Inc()
		r.log().Error("a room panicked; giving it up", "panic", fault, "stack", string(debug.Stack()))
		r.fail(&CloseError{Code: CloseGoingAway, Reason: "the document was reloaded"})
	}
}

// end makes the room's end known: nothing that comes from now on is looked at.
func (r *room) end() {
	r.mail.mu.Lock()
	r.mail.ended = true
	r.mail.letters, r.mail.spare = nil, nil
	r.mail.mu.Unlock()
	r.wake.Stop()
	r.stop()
	r.hub.metrics.rooms.Dec()
	r.hub.roomsWG.Done()
}

// empty says whether all letters were looked at.
func (r *room) empty() bool {
	r.mail.mu.Lock()
	defer r.mail.mu.Unlock()
	return len(r.mail.letters) == 0
}

// at makes the room look again at t, at the latest.
func (r *room) at(t time.Time) {
	if r.wakeAt.IsZero() || t.Before(r.wakeAt) {
		r.wakeAt = t
		r.wake.Reset(time.Until(t))
	}
}
