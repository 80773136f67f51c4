package collab

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"time"
)

// bus carries messages between the hubs of a test as badly as Redis Pub/Sub may: it loses, repeats, delays, reorders and garbles them.
type bus struct {
	rng    *rand.Rand
	wg     *sync.WaitGroup // of messages under way
	lost   int             // in a hundred
	shared Shared          // nil: nodes don't know who is on the others

	mu    sync.Mutex
	hubs  []*Hub // guarded by mu, like rng
	count int    // messages delivered
}

// away cuts the nodes off from each other: no message comes through, and nothing is shared.
func (b *bus) away(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = map[bool]int{true: 100}[away]
	b.shared.(*fickle).setAway(away)
}

// lose sets how many messages of a hundred get lost.
func (b *bus) lose(percent int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = percent
}

// messages gives the number of messages delivered.
func (b *bus) messages() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

// port is one hub's place at the bus.
type port struct {
	bus *bus
	hub *Hub
}

// join connects a hub.
func (b *bus) join(h *Hub) *Hub {
	b.mu.Lock()
	b.hubs = append(b.hubs, h)
	b.mu.Unlock()
	h.Join(port{b, h}, b.shared)
	return h
}

func (p port) Publish(doc [16]byte, payload []byte) error {
	return p.carry(payload, func(h *Hub, msg []byte) { h.Relayed(doc, msg) })
}

func (p port) Notify(user [16]byte, payload []byte) error {
	return p.carry(payload, func(h *Hub, msg []byte) { h.Noticed(user, msg) })
}

func (p port) Control(payload []byte) error {
	return p.carry(payload, (*Hub).Controlled)
}

func (p port) carry(payload []byte, deliver func(*Hub, []byte)) error {
	b := p.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.hubs {
		if h == p.hub {
			continue
		}
		for n := 1 + b.rng.IntN(5)/4; n > 0; n-- { // some come twice
			if b.rng.IntN(100) < b.lost {
				continue
			}
			msg, way := bytes.Clone(payload), time.Duration(b.rng.IntN(60))*time.Millisecond
			if b.lost > 0 && b.rng.IntN(50) == 0 {
				msg = msg[:b.rng.IntN(len(msg))] // the MAC would find worse
			}
			b.count++
			b.wg.Go(func() {
				time.Sleep(way)
				deliver(h, msg)
			})
		}
	}
	return nil
}
