package attacks

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// attack is one way to do harm.
type attack struct {
	name  string
	tries string // what it is after, a sentence
	by    sender
	// sends gives what is sent over each of some connections, one after the other.
	sends func(s *scene) []way
	// does is for what a connection after the other can't do. One of sends and does is there.
	does    func(s *scene) (outcome, error)
	sockets int // that send at once, if more than one
	want    verdict
	// also looks at what else must be so; nil for nothing.
	also func(s *scene) error
}

// sender is who does it.
type sender int

const (
	editor   sender = iota // may write in the document
	lesser                 // the same account, with a token that is for reading only
	viewer                 // may only read it
	stranger               // has a token for another document
	nobody                 // has no credentials
)

// way is what one connection sends.
type way struct {
	frames  [][]byte // WebSocket frames, or pieces of them
	updates uint64   // how many of the messages the server counts and acknowledges
	stock   bool     // doesn't ask for bizsync.v1
	many    bool     // speaks Hocuspocus
}

// over is one connection that sends binary messages.
func over(messages ...[]byte) way {
	w := way{}
	for _, m := range messages {
		w.frames = append(w.frames, frame(final|opBinary, m))
		if carriesEdits(m) {
			w.updates++
		}
	}
	return w
}

// wire is one connection that sends frames that were made by hand.
func wire(frames ...[]byte) way { return way{frames: frames} }

// once has the same sent in every document.
func once(ways ...way) func(*scene) []way { return func(*scene) []way { return ways } }

// each sends every message over a connection of its own.
func each(messages ...[]byte) func(*scene) []way {
	return func(*scene) (ways []way) {
		for _, m := range messages {
			ways = append(ways, over(m))
		}
		return ways
	}
}

// as sends every update that is made for a client id of the attacker's own, over a connection of its own.
func as(make ...func(client uint64) []byte) func(*scene) []way {
	return func(s *scene) (ways []way) {
		for _, m := range make {
			ways = append(ways, over(update(m(s.id()))))
		}
		return ways
	}
}

// holding sends updates of one struct in the text, under a client id of the attacker's own, a connection for each content.
func holding(ref byte, contents ...[]byte) func(*scene) []way {
	return func(s *scene) (ways []way) {
		for _, c := range contents {
			ways = append(ways, over(update(one(s.id(), inText(ref, c)))))
		}
		return ways
	}
}

// verdict is what must become of an attack. The zero value: nothing is said, and the socket stays.
type verdict struct {
	closed  int    // with this code
	refused uint64 // the last update frame, with this code; the socket stays
	acked   bool   // all update frames are acknowledged, none is refused
	held    bool   // neither acknowledged nor refused; the server asks for what it lacks
	denied  bool   // a permission denied is told before the close, or instead of a refusal to a stock client
	cut     bool   // the connection ends without a word
	status  int    // the upgrade is answered with this status instead
}

var (
	ignored   = verdict{}
	acked     = verdict{acked: true}
	held      = verdict{held: true}
	malformed = verdict{closed: 4400}
)

func (v verdict) String() string {
	switch {
	case v.status != 0:
		return fmt.Sprintf("status %d", v.status)
	case v.closed != 0:
		return fmt.Sprintf("closed with %d", v.closed)
	case v.refused != 0:
		return fmt.Sprintf("refused with %d", v.refused)
	case v.acked:
		return "acknowledged"
	case v.held:
		return "held"
	case v.denied:
		return "denied"
	case v.cut:
		return "cut"
	}
	return "ignored"
}

// outcome is what became of a connection.
type outcome struct {
	updates  uint64 // were sent
	acked    uint64 // of them
	refused  []refusal
	denied   string // the reason of a [2][0]
	steps1   int    // how often the server asked for what it lacks, the first time not counted
	answered bool   // the step 1 that was sent behind everything
	code     int    // with which it was closed; 0: it is open
	cut      bool   // it ended without a close frame
	status   int    // of the upgrade, when that was not 101

	many  bool // it speaks Hocuspocus
	asked bool // the server has asked for what it lacks, as it does at first
}

// refusal is a message 121.
type refusal struct {
	frame, code uint64
	reason      string
}

// is says whether an outcome is what the verdict asks for.
func (o outcome) is(v verdict) bool {
	if o.status != v.status || o.code != v.closed || o.cut != v.cut || (o.denied != "") != v.denied {
		return false
	}
	switch {
	case v.status != 0 || v.closed != 0 || v.cut:
		return o.acked == 0 && len(o.refused) == 0
	case v.refused != 0:
		last := len(o.refused) - 1
		return o.acked == o.updates && last >= 0 && o.refused[last].frame == o.updates && o.refused[last].code == v.refused && o.refused[last].reason != ""
	case v.acked:
		return o.updates > 0 && o.acked == o.updates && len(o.refused) == 0
	case v.held:
		return o.acked == 0 && len(o.refused) == 0 && o.steps1 > 0
	case v.denied:
		return o.acked == 0 && len(o.refused) == 0 && o.steps1 == 0
	}
	return o.updates == 0 && o.acked == 0 && len(o.refused) == 0 && o.steps1 == 0 // an update frame that is neither decided nor held is lost
}

// untilAcked reads on until an update is acknowledged, or the server closes the socket.
func (k *socket) untilAcked(o *outcome) error {
	for o.acked == 0 && o.code == 0 {
		m, code, err := k.read()
		if err != nil {
			return err
		}
		o.code = code
		o.hear(m)
	}
	return nil
}

// decided says whether nothing more is to be waited for.
func (o outcome) decided(v verdict) bool {
	switch {
	case o.code != 0 || o.cut:
		return true
	case v.closed != 0 || v.cut:
		return false
	case v.refused != 0 || v.acked:
		return o.answered && o.acked == o.updates
	case v.held:
		return o.answered && o.steps1 > 0
	case v.denied:
		return o.answered && o.denied != ""
	}
	return o.answered
}

// commit has an attack happen and compares what becomes of it.
func (s *scene) commit(a attack) error {
	if a.does != nil {
		o, err := a.does(s)
		if err == nil && !o.is(a.want) {
			err = fmt.Errorf("%+v; want it %v", o, a.want)
		}
		return err
	}
	ways := a.sends(s)
	errs := make([]error, len(ways))
	if !a.want.held {
		for i, w := range ways {
			errs[i] = s.try(a, w)
		}
		return errors.Join(errs...)
	}
	// It takes a while until the server asks for what it lacks.
	var all sync.WaitGroup
	for i, w := range ways {
		all.Go(func() { errs[i] = s.try(a, w) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// try sends over one connection.
func (s *scene) try(a attack, w way) error {
	o, err := s.send(a, w)
	switch {
	case err != nil:
		return err
	case !o.is(a.want):
		return fmt.Errorf("%+v; want it %v", o, a.want)
	}
	// A verdict that fits every outcome would be none.
	for _, other := range s.verdicts {
		if other != a.want && o.is(other) {
			return fmt.Errorf("%+v is %+v, and %+v as well", o, a.want, other)
		}
	}
	return nil
}

// send opens a connection, sends what there is to send, and reads until it is clear what has become of it.
func (s *scene) send(a attack, w way) (outcome, error) {
	o := outcome{updates: w.updates, many: w.many}
	v, question := s.visitor(a.by, w.stock), step1([]byte{0})
	if w.many {
		v, question = visitor{address: v.address}, []byte{hocusPing}
	}
	k, err := s.dial(v)
	if err != nil {
		return o, err
	}
	defer k.hangUp()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for _, f := range w.frames {
			k.write(f)
		}
		k.write(frame(final|opBinary, question))
	}()
	defer func() {
		k.hangUp() // so that nothing waits for a server that doesn't read
		<-written
	}()
	if err := o.hearUntil(k, func() bool { return o.decided(a.want) }); err != nil || o.code != 0 || o.cut {
		return o, err
	}
	if a.want == ignored {
		// What was taken in all the same may be put right when the connection ends.
		if err := s.unharmed(); err != nil {
			return o, err
		}
	}
	if a.want == ignored || a.want.held {
		// An answer that is late comes before that of another question.
		o.answered = false
		k.write(frame(final|opBinary, question))
		if err := o.hearUntil(k, func() bool { return o.answered || o.code != 0 || o.cut }); err != nil || o.code != 0 || o.cut {
			return o, err
		}
	}
	k.leave()
	return o, nil
}

// hearUntil reads until enough was heard.
func (o *outcome) hearUntil(k *socket, enough func() bool) error {
	for !enough() {
		m, code, err := k.read()
		switch {
		case errors.Is(err, errCut):
			o.cut = true
		case err != nil:
			return fmt.Errorf("%w after %+v", err, *o)
		case code != 0:
			o.code = code
			k.write(frame(final|opClose, nil))
		default:
			o.hear(m)
		}
	}
	return nil
}

// hear notes a message of the server's.
func (o *outcome) hear(m []byte) {
	if o.many {
		o.hearKeyed(m)
		return
	}
	switch {
	case len(m) < 2:
	case m[0] == 0:
		o.hearSync(m[1])
	case m[0] == 2 && m[1] == 0:
		o.denied = string(m[3:])
	case m[0] == 120:
		o.acked = varUint(m[1:])
	case m[0] == 121:
		number, rest := cutNumber(m[1:])
		code, rest := cutNumber(rest)
		_, reason := cutNumber(rest)
		o.refused = append(o.refused, refusal{number, code, string(reason)})
	}
}

func (o *outcome) hearSync(step byte) {
	switch {
	case o.many: // asks again whenever it answers
	case step == 0 && o.asked:
		o.steps1++
	case step == 0:
		o.asked = true
	case step == 1:
		o.answered = true
	}
}

// hearKeyed notes a message under a key of Hocuspocus.
func (o *outcome) hearKeyed(m []byte) {
	if len(m) == 1 {
		o.answered = o.answered || m[0] == hocusPong
		return
	}
	size, rest := cutNumber(m)
	if size+2 > uint64(len(rest)) {
		return
	}
	switch body := rest[size:]; {
	case body[0] == 0:
		o.hearSync(body[1])
	case body[0] == 2 && body[1] == 1:
		_, reason := cutNumber(body[2:])
		o.denied = string(reason)
	case body[0] == hocusStatus:
		o.acked++
		if body[1] == 0 {
			o.refused = append(o.refused, refusal{o.acked, statusRefused, "a status of 0"})
		}
	}
}

// leave closes in good order, and returns when the server has done so, too: a document lets in only so many of one account.
func (k *socket) leave() {
	k.write(frame(final|opClose, []byte{3, 232}))
	for {
		if _, code, err := k.read(); code != 0 || err != nil {
			return
		}
	}
}

// silent reads what a server says that waits for the end of a frame: its own step 1, what others do, and nothing else.
func (k *socket) silent() error {
	if err := k.conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return err
	}
	for {
		m, code, err := k.read()
		if errors.Is(err, errSaysNothing) {
			return nil
		}
		if err != nil || code != 0 || m[0] != 1 && (m[0] != 0 || m[1] == 1) {
			return fmt.Errorf("the server said % x, %d, %w", m, code, err)
		}
	}
}

// The corpus is complete and tells what it does.
func TestCorpus(t *testing.T) {
	names, count := map[string]bool{}, 0
	for _, g := range append(groups(), slow()...) {
		for _, a := range g.attacks {
			count++
			if names[a.name] {
				t.Errorf("%s is there twice", a.name)
			}
			names[a.name] = true
			if !strings.HasSuffix(a.tries, ".") || (a.sends == nil) == (a.does == nil) {
				t.Errorf("%s doesn't say what it is after, or what it does", a.name)
			}
		}
	}
	t.Logf("%d attacks", count)
	if count < 60 {
		t.Errorf("%d attacks are too few", count)
	}
}
