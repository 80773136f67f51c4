package faults

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// relayFaults are those of the messages between nodes.
func relayFaults() []fault {
	return []fault{
		{name: "the last message lost, then silence", rounds: 10, ci: 2, run: lastMessageLost},
		{name: "relay repeats messages", rounds: 3, run: tampering(repeats)},
		{name: "relay reorders messages", rounds: 3, run: tampering(reorders)},
		{name: "relay flips bits", rounds: 3, run: counted("mac", tampering(flips))},
		{name: "relay repeats, reorders, loses and flips", rounds: 3, ci: 1, run: tampering(allOfIt)},
		{name: "relay forged", rounds: 3, run: counted("mac", forged)},
		{name: "relay loses half at full speed", rounds: 3, ci: 1, run: halfLost},
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
	c.must(poll("a message is lost", rig.Patience, func() error {
		if lost.Load() == 0 {
			return errNotYet
		}
		return nil
	}))
	c.over()
	to.wire.with(nil)
}

// tamperer makes what happens to the messages to one node.
type tamperer func(c *cluster) func(message) []message

// tampering has it happen to the messages to all nodes for a while.
func tampering(how tamperer) func(*cluster) {
	return func(c *cluster) {
		for _, n := range c.nodes {
			n.wire.with(how(c))
		}
		c.lasts(5 * time.Second)
		c.acked(c.count().Writers)
		for _, n := range c.nodes {
			n.wire.with(nil)
		}
	}
}

func repeats(*cluster) func(message) []message {
	var all []message
	random := newRandom()
	return func(m message) []message {
		all = append(all, m)
		return []message{m, all[random.IntN(len(all))], m}
	}
}

// reorders lets each message wait for a few later ones.
func reorders(*cluster) func(message) []message {
	var waiting []message
	random := newRandom()
	return func(m message) []message {
		if waiting = append(waiting, m); len(waiting) < 8 {
			return nil
		}
		random.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
		var out []message
		out, waiting = waiting[:4:4], slices.Clone(waiting[4:])
		return out
	}
}

func flips(*cluster) func(message) []message {
	random := newRandom()
	return func(m message) []message {
		if len(m.payload) == 0 {
			return nil
		}
		bit := random.IntN(8 * len(m.payload))
		changed := slices.Clone(m.payload)
		changed[bit/8] ^= 1 << (bit % 8)
		if random.IntN(2) == 0 {
			return []message{{m.channel, changed}} // and m is lost
		}
		return []message{{m.channel, changed}, m}
	}
}

func loses(*cluster) func(message) []message {
	random := newRandom()
	return func(m message) []message {
		if random.IntN(2) == 0 {
			return nil
		}
		return []message{m}
	}
}

// allOfIt does one of the others to each message.
func allOfIt(c *cluster) func(message) []message {
	random := newRandom()
	ways := []func(message) []message{repeats(c), reorders(c), flips(c), loses(c)}
	return func(m message) []message { return ways[random.IntN(len(ways))](m) }
}

// halfLost has everybody type as fast as they can while every other message is lost.
func halfLost(c *cluster) {
	c.types(8 * time.Millisecond)
	tampering(loses)(c)
}

// forged has somebody who can write in Redis, and hears all that the nodes say, say things of their own: what was said with a bit changed, cut off, on another
// document's channel, with another body under the same head, and again; and noise.
func forged(c *cluster) {
	listener, err := c.redis.dial()
	c.must(err)
	forger, err := c.redis.dial()
	c.must(err)
	defer forger.Close()
	heard := make(chan message, 1000)
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		_ = listener.listen(func(m message) { // until it is closed
			select {
			case heard <- m:
			default: // it hears its own forgeries, too
			}
		})
	}()
	defer func() { listener.Close(); <-listening }()

	random := newRandom()
	end := time.After(5 * time.Second)
	var last message
	for {
		select {
		case <-end:
			c.acked(c.count().Writers)
			return
		case m := <-heard:
			if len(m.payload) == 0 {
				continue // its own
			}
			forgery := message{m.channel, slices.Clone(m.payload)}
			switch p := forgery.payload; random.IntN(6) {
			case 0:
				p[random.IntN(len(p))]++
			case 1:
				forgery.payload = p[:random.IntN(len(p)+1)]
			case 2:
				forgery.channel = []byte("document:" + c.rooms[random.IntN(len(c.rooms))])
			case 3:
				forgery.payload = append(p[:min(33, len(p))], last.payload[min(33, len(last.payload)):]...) // version, run and MAC are so long
			case 4:
				for i := range p[:min(len(p), 1+random.IntN(64))] {
					p[i] = byte(random.Uint32())
				}
			case 5: // again, as it is
			}
			last = m
			_, err := forger.do("PUBLISH", string(forgery.channel), string(forgery.payload))
			c.must(err)
			c.lasts(2 * time.Millisecond)
		}
	}
}

// counted looks whether the nodes have counted what they didn't believe.
func counted(reason string, run func(*cluster)) func(*cluster) {
	return func(c *cluster) {
		run(c)
		c.over()
		for _, n := range c.nodes {
			values, err := n.measures()
			c.must(err)
			if values[`bizsync_relay_dropped_total{reason="`+reason+`"}`] == 0 {
				c.broken("node %s has counted nothing that was dropped for %q", n.name, reason)
			}
		}
	}
}
