package collab

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// backlogBytes is how much may wait for a connection before updates are no longer queued for it: what its reader misses from then on is sent as one diff
	// when the rest is out. What the network holds comes on top.
	backlogBytes = 1 << 20
	// freeBytes is how little must wait for a connection for the next piece of a large answer to be queued.
	freeBytes = 64 << 10
	// What is given to a connection at once is at most so many messages, and bytes but for the first message.
	sendMessages = 64
	sendBytes    = 64 << 10
	// connectionHeld bounds the bytes of frames that are held for all documents of a connection.
	connectionHeld = 4 << 20
	// wordsTime is how long a connection that is being closed may take for its last words.
	wordsTime = 5 * time.Second
	// outgoingCost is what a message takes in memory beside its bytes, about.
	outgoingCost = 80
	// spareMessages bounds the queue memory that a quiet connection keeps.
	spareMessages = 4
)

// outbox holds what one connection has still to be told. Putting never blocks, nor does flushing: what the network takes at once is sent by whoever flushes, and only a connection
// whose buffers are full has a goroutine that waits for it.
type outbox struct {
	// Set at construction.
	conn  Conn
	limit int           // bytes; who lets more wait is cut with 1013
	bytes *atomic.Int64 // of all outboxes of the node
	tasks sync.WaitGroup
	held  atomic.Int64 // bytes of frames that rooms hold for the connection's sessions

	mu      sync.Mutex
	queue   []outgoing    // guarded by mu, like all that follows
	head    int           // of queue: so many were taken
	waiting int           // bytes of queue, and of what is being sent
	sending bool          // somebody sends, or waits for the network
	spoke   bool          // something was sent since the last beat
	silent  int           // beats without
	thirsty []*session    // to be told when little waits
	lives   []*life       // of the connection's sessions, which end with it
	closed  bool          // nothing more is put
	parted  bool          // and all is sent
	gone    bool          // and the connection closed
	ended   chan struct{} // for who waits until it is gone
	cut     *time.Timer   // closes the connection of who doesn't take the last words
	linger  time.Duration // between the last word and closing
	code    int
	reason  string
}

// outgoing is a message on its way to a connection.
type outgoing struct {
	Message
	of *session // whose update it is; nil: it is no update
}

// size is what a message counts for: its bytes, and about what it takes in memory beside them.
func (o outgoing) size() int { return len(o.Head) + len(o.Body) + outgoingCost }

// flight is what is being sent.
type flight struct {
	msgs  []Message
	bytes int
}

var flights = sync.Pool{New: func() any { return &flight{msgs: make([]Message, 0, sendMessages)} }}

// mayHold says whether a room may hold so many bytes more for one of the connection's sessions. One document alone never gets there (see heldLimit).
func (o *outbox) mayHold(bytes int) bool { return o.held.Load()+int64(bytes) <= connectionHeld }

// put queues a message that nobody may change any more. It is dropped once the outbox is closing.
func (o *outbox) put(m Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.add(outgoing{Message: m})
	}
}

// putUpdate queues an update of a session's document; false when so much waits already that it is of no use.
func (o *outbox) putUpdate(s *session, m Message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return true
	}
	if o.waiting > 0 && o.waiting+len(m.Body) > backlogBytes {
		return false
	}
	o.add(outgoing{Message: m, of: s})
	return true
}

// recall takes the updates of a session's document back that wait, and gives their bodies.
func (o *outbox) recall(s *session) [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	var back [][]byte
	o.tidy()
	o.queue = slices.DeleteFunc(o.queue, func(out outgoing) bool {
		if out.of != s {
			return false
		}
		back = append(back, out.Body)
		o.done(out.size())
		return true
	})
	return back
}

// free says whether at most so many bytes wait. If not, the session's room hears of it when little waits.
func (o *outbox) free(s *session, bytes int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.waiting <= bytes {
		return true
	}
	if !slices.Contains(o.thirsty, s) {
		o.thirsty = append(o.thirsty, s)
	}
	return false
}

// crowded says whether what is told only for the moment should wait.
func (o *outbox) crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting > backlogBytes
}

// finish lets what is queued be sent and then closes the connection. flush must follow.
func (o *outbox) finish(code int, reason string) { o.finishAfter(0, code, reason) }

// finishAfter is finish, but the connection stays open for a while when all is sent.
func (o *outbox) finishAfter(linger time.Duration, code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.linger = linger
	o.shut(code, reason)
	// The last words are enough: what they follow on is sent again to who comes back.
	o.tidy()
	o.trim(sendBytes)
	o.cut = time.AfterFunc(linger+wordsTime, func() { o.conn.Close(code, reason) })
}

// trim drops the oldest of what waits beyond so many bytes.
func (o *outbox) trim(most int) {
	keep, bytes := len(o.queue), 0
	for keep > 0 && bytes+o.queue[keep-1].size() <= most {
		keep--
		bytes += o.queue[keep].size()
	}
	for _, out := range o.queue[:keep] {
		o.done(out.size())
	}
	o.queue = slices.Delete(o.queue, 0, keep)
}

// outcome says with which code and reason the connection was closed.
func (o *outbox) outcome() (code int, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.code, o.reason
}

// beat is called in even intervals: after two of them without a word the client is sent one, since browsers don't show their scripts any pings.
func (o *outbox) beat(word Message) {
	o.mu.Lock()
	if o.spoke || o.closed || o.sending {
		o.spoke, o.silent = false, 0
	} else if o.silent++; o.silent >= 2 {
		o.silent = 0
		o.add(outgoing{Message: word})
	}
	o.mu.Unlock()
	o.flush()
}

// flush sends what the network takes now. When that isn't all, a goroutine sees to the rest.
func (o *outbox) flush() {
	o.mu.Lock()
	if o.sending || o.empty() && (!o.closed || o.parted) {
		o.mu.Unlock()
		return
	}
	o.sending = true
	if f, ok := o.send(); !ok {
		o.tasks.Go(func() { o.wait(f) })
	}
}

// wait sends the rest of a flight, and all that follows it.
func (o *outbox) wait(f *flight) {
	for ok := false; !ok; {
		err := o.conn.Flush()
		o.mu.Lock()
		o.landed(f, err)
		f, ok = o.send()
	}
}

// send gives the connection what is queued, as long as it takes it. The caller holds mu, and send gives it up: with all sent and nobody sending any more, or with a
// flight whose rest must be flushed.
func (o *outbox) send() (*flight, bool) {
	for !o.empty() {
		f := o.take()
		o.mu.Unlock()
		sent, err := o.conn.Send(f.msgs)
		if err == nil && !sent {
			return f, false
		}
		o.mu.Lock()
		o.landed(f, err)
		if o.waiting <= freeBytes && len(o.thirsty) > 0 {
			o.serveThirst() // now: on a line that is just fast enough for one document it may never be empty
		}
	}
	o.queue, o.head = o.queue[:0], 0
	if cap(o.queue) > spareMessages {
		o.queue = nil
	}
	o.sending = false
	o.serveThirst()
	parting := o.closed && !o.parted
	o.parted = o.closed
	linger := o.linger
	o.mu.Unlock()
	switch {
	case parting && linger > 0:
		o.tasks.Go(func() {
			time.Sleep(linger)
			o.part()
		})
	case parting:
		o.part()
	}
	return nil, true
}

// part closes the connection.
func (o *outbox) part() {
	o.conn.Close(o.outcome())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
	if o.cut != nil {
		o.cut.Stop()
	}
	for _, l := range o.lives {
		l.end() // a reader that waits for its room would never find out
	}
	if o.ended != nil {
		close(o.ended)
	}
}

// bear notes a session of the connection, which ends with it.
func (o *outbox) bear(l *life) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lives = append(o.lives, l)
	if o.gone {
		l.end()
	}
}

// bury forgets a session that has ended.
func (o *outbox) bury(l *life) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.lives, l); i >= 0 {
		o.lives = slices.Delete(o.lives, i, i+1)
	}
}

// join waits until the connection was closed and nobody works for the outbox any more. The outbox was finished and flushed.
func (o *outbox) join() {
	o.mu.Lock()
	if !o.gone {
		o.ended = make(chan struct{})
		o.mu.Unlock()
		<-o.ended
	} else {
		o.mu.Unlock()
	}
	o.tasks.Wait()
}

// The caller of all that follows holds mu.

// take moves the next messages of the queue to a flight.
func (o *outbox) take() *flight {
	f := flights.Get().(*flight)
	n := 0
	for _, out := range o.queue[o.head:] {
		if n == sendMessages || n > 0 && f.bytes+out.size() > sendBytes {
			break
		}
		f.msgs = append(f.msgs, out.Message)
		f.bytes += out.size()
		n++
	}
	clear(o.queue[o.head : o.head+n])
	if o.head += n; o.head > len(o.queue)/2 {
		o.tidy()
	}
	o.spoke = true
	return f
}

// serveThirst has the rooms told that wait for the connection to have room.
func (o *outbox) serveThirst() {
	for _, s := range o.thirsty {
		s.drained() // only leaves a letter
	}
	o.thirsty = nil
}

func (o *outbox) empty() bool { return o.head == len(o.queue) }

// tidy drops the place of what was taken from the queue.
func (o *outbox) tidy() {
	n := copy(o.queue, o.queue[o.head:])
	clear(o.queue[n:])
	o.queue, o.head = o.queue[:n], 0
}

// landed takes a flight off the account.
func (o *outbox) landed(f *flight, err error) {
	o.done(f.bytes)
	clear(f.msgs)
	f.msgs, f.bytes = f.msgs[:0], 0
	flights.Put(f)
	if err != nil {
		o.shut(CloseTryAgain, "write failed")
		o.drop()
	}
}

func (o *outbox) shut(code int, reason string) {
	if !o.closed {
		o.closed, o.code, o.reason = true, code, reason
	}
}

func (o *outbox) drop() {
	for _, out := range o.queue[o.head:] {
		o.done(out.size())
	}
	o.queue, o.head = nil, 0
}

func (o *outbox) add(out outgoing) {
	if o.waiting+out.size() > o.limit && o.waiting > 0 {
		o.shut(CloseTryAgain, "too slow a reader")
		o.drop()
		return
	}
	o.queue = append(o.queue, out)
	o.waiting += out.size()
	o.bytes.Add(int64(out.size()))
}

func (o *outbox) done(bytes int) {
	o.waiting -= bytes
	o.bytes.Add(int64(-bytes))
}
