package attacks

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// slow are attacks by patience. They happen beside all others, and don't ask the stock clients anything.
func slow() []group {
	return []group{{"slow", []attack{
		{name: "an upgrade byte by byte", tries: "Keeps the server waiting for the end of a request.", does: func(s *scene) (outcome, error) {
			return s.drip(s.visitor(editor, false).request(s.Addr), 500*time.Millisecond, 15*time.Second)
		}, want: verdict{cut: true}},
		{name: "300 connections that say nothing", tries: "Holds connections that never become requests.", does: mutes, want: verdict{cut: true}},
		{name: "a frame byte by byte", tries: "Keeps the server waiting for a message, for which it must wait: the line may be slow.", does: trickle, want: acked},
		{name: "a socket that opens no document", tries: "Keeps a Hocuspocus socket without ever saying who it is.", does: idles, want: verdict{closed: 1013}},
		{name: "gone without a word", tries: "Answers no ping, as one whose line was cut.", does: gone, want: verdict{cut: true}},
	}}}
}

// beginSlowly begins them and gives a function that waits for their end.
func (g *ground) beginSlowly(t *testing.T) (wait func()) {
	t.Helper()
	type result struct {
		o   outcome
		err error
	}
	var all sync.WaitGroup
	group := slow()[0]
	s := g.scene(t, group.name)
	results := make([]result, len(group.attacks))
	for i, a := range group.attacks {
		all.Go(func() { results[i].o, results[i].err = a.does(s) })
	}
	return func() {
		all.Wait()
		for i, a := range group.attacks {
			t.Run(a.name, func(t *testing.T) {
				if r := results[i]; r.err != nil || !r.o.is(a.want) {
					t.Errorf("%+v, %v; want it %v", r.o, r.err, a.want)
				}
			})
		}
		t.Run("after them", func(t *testing.T) {
			if err := s.unharmed(); err != nil {
				t.Error(err)
			}
		})
	}
}

// ended waits until the server ends a connection, at most for a while.
func ended(conn net.Conn, limit time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, conn)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("the connection is still there after %v", limit)
	}
	return nil
}

// drip sends a request byte by byte and never ends it.
func (s *scene) drip(request string, every, limit time.Duration) (o outcome, err error) {
	conn, err := net.DialTimeout("tcp", s.Addr, patience)
	if err != nil {
		return o, err
	}
	defer conn.Close()
	stop := make(chan struct{})
	var drops sync.WaitGroup
	drops.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := range len(request) {
			if _, err := io.WriteString(conn, request[i:i+1]); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	err = ended(conn, limit)
	close(stop)
	drops.Wait()
	return outcome{cut: err == nil}, err
}

// mutes connects often and says nothing.
func mutes(s *scene) (outcome, error) {
	errs := make([]error, 300)
	var all sync.WaitGroup
	for i := range errs {
		conn, err := net.DialTimeout("tcp", s.Addr, patience)
		if err != nil {
			return outcome{}, err
		}
		all.Go(func() {
			defer conn.Close()
			errs[i] = ended(conn, 15*time.Second)
		})
	}
	all.Wait()
	err := errors.Join(errs...)
	return outcome{cut: err == nil}, err
}

// trickle types something, a byte of the frame at a time, for longer than anybody may be silent.
func trickle(s *scene) (o outcome, err error) {
	k, err := s.dial(s.visitor(editor, false))
	if err != nil {
		return o, err
	}
	defer k.hangUp()
	if err := k.conn.SetDeadline(time.Now().Add(4 * patience)); err != nil {
		return o, err
	}
	o.updates, k.mute = 1, true // a pong would be taken for a part of the frame
	drops := make(chan struct{})
	go func() {
		defer close(drops)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for _, b := range frame(final|opBinary, update(typed(6_000_001, 0, "slowly, but surely"))) {
			k.write([]byte{b})
			<-tick.C
		}
	}()
	defer func() {
		k.hangUp()
		<-drops
	}()
	err = k.untilAcked(&o)
	return o, err
}

// gone opens a document, shows itself, and answers nothing any more. It must be missed within 20 s.
func gone(s *scene) (outcome, error) {
	k, err := s.dial(s.visitor(editor, false))
	if err != nil {
		return outcome{}, err
	}
	defer k.hangUp()
	k.write(frame(final|opBinary, awareness(presence(6_000_002, 1, `{}`))))
	err = ended(k.conn, 21*time.Second)
	return outcome{cut: err == nil}, err
}

// idles opens a Hocuspocus connection, answers pings, and opens no document. It must be shown the door within 5 s.
func idles(s *scene) (outcome, error) {
	k, err := s.dial(visitor{address: s.visitor(editor, false).address})
	if err != nil {
		return outcome{}, err
	}
	defer k.hangUp()
	began := time.Now()
	for {
		_, code, err := k.read()
		switch took := time.Since(began); {
		case err != nil:
			return outcome{}, err
		case code != 0 && (took < 4*time.Second || took > 7*time.Second):
			return outcome{}, fmt.Errorf("closed with %d after %v", code, took)
		case code != 0:
			return outcome{code: code}, nil
		}
	}
}
