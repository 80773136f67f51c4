package attacks

import (
	"fmt"
	"time"
)

// hogging sends most of four large frames and no more, over sockets of one person, or of nobody. In another document somebody else pastes two megabytes, which must be
// acknowledged as fast as always.
func hogging(s *scene, v visitor) (o outcome, err error) {
	for range 4 {
		k, err := s.dial(v)
		if err != nil {
			return o, err
		}
		defer k.hangUp()
		// What the server doesn't read in this time it lets wait.
		if err := k.conn.SetWriteDeadline(time.Now().Add(time.Second / 2)); err != nil {
			return o, err
		}
		k.write(append(frameHead(final|opBinary, frameLimit), make([]byte, frameLimit-1)...))
	}
	k, err := s.dial(visitor{path: "/" + s.own, token: s.tokens[stranger], address: "192.0.2.77", acks: true})
	if err != nil {
		return o, err
	}
	defer k.hangUp()
	began := time.Now()
	k.write(frame(final|opBinary, bigUpdate(s.id(), 2<<20)))
	if err := k.untilAcked(&o); err != nil {
		return o, err
	}
	// So long may two megabytes take on a busy machine; who has to wait for the room of others waits for many seconds.
	if took := time.Since(began); took > time.Second {
		return o, fmt.Errorf("elsewhere two megabytes took %v: %+v", took, o)
	}
	return outcome{answered: true}, nil
}

// hogAttacks are about what a node has only so much of.
func hogAttacks() []attack {
	return []attack{
		{name: "large frames that never end", tries: "Takes all the room that a node has for large frames, and keeps it.", sockets: 4, does: func(s *scene) (outcome, error) { return hogging(s, s.visitor(viewer, false)) }, want: ignored},
		{name: "large frames that never end, from strangers", tries: "Does the same before it has said who it is.", sockets: 4, does: func(s *scene) (outcome, error) { return hogging(s, visitor{address: "192.0.2.78"}) }, want: ignored},
	}
}
