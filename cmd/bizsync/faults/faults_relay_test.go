package faults

import (
	"sync/atomic"
	"time"
)

// relayFaults are those of the messages between nodes.
func relayFaults() []fault {
	return []fault{
		{name: "the last message lost, then silence", rounds: 10, ci: 2, run: lastMessageLost},
	}
}

// lastMessageLost loses exactly one message, and nothing comes after it that would show the hole.
func lastMessageLost(c *cluster) {
	c.types(0)
	c.converges(time.Now())
	from, to, room := c.nodes[0], c.nodes[1], c.rooms[c.random.IntN(len(c.rooms))]
	var lost atomic.Int32
	to.wire.with(func(message) []message { lost.Add(1); return nil })
	c.one(from, room)
	c.must(poll("a message is lost", patience, func() error {
		if lost.Load() == 0 {
			return errNotYet
		}
		return nil
	}))
	c.over()
	to.wire.with(nil)
}
