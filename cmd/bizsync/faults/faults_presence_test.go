package faults

import (
	"fmt"
	"slices"
	"time"
)

// presenceFaults are those after which somebody could be shown who isn't there, or not be shown who is (CONTRACT P1).
func presenceFaults() []fault {
	return []fault{
		{name: "people leave and vanish", rounds: 3, run: peopleGo},
		{name: "node killed for good", nodes: 3, rounds: 3, ci: 1, run: nodeDies},
		{name: "FLUSHALL", rounds: 5, ci: 1, run: flushed},
		{name: "Redis killed, back empty", rounds: 5, ci: 1, run: redisKilled},
	}
}

// peopleGo has one guest close a document, and another lose the network.
func peopleGo(c *cluster) {
	c.moment(time.Second)
	room := c.rooms[c.random.IntN(len(c.rooms))]
	var losers []guest
	for i, n := range c.nodes {
		leaver, loser := c.visit(fmt.Sprint("leaver", i), n, room), c.visit(fmt.Sprint("loser", i), n, room)
		c.attended("guests are shown", c.nodes, true, time.Now(), wholeTime)
		leaver.leave()
		c.attended("who has left is shown nowhere", c.nodes, true, time.Now(), leaveTime)
		losers = append(losers, loser)
	}
	for _, l := range losers {
		l.vanish()
	}
	c.attended("who has vanished is shown nowhere", c.nodes, true, time.Now(), vanishTime)
	for _, l := range losers {
		l.leave()
	}
}

// nodeDies kills a node, and starts it when its people have disappeared.
func nodeDies(c *cluster) {
	c.moment(2 * time.Second)
	n := c.any()
	c.must(n.kill())
	c.attended("the people of the killed node are shown nowhere", c.others(n), true, time.Now(), diedTime)
	c.must(n.launch())
	c.over()
	c.must(n.ready("ok"))
	since := time.Now()
	c.afterwards = func() {
		c.move()
		c.attended("all people are shown at all nodes", c.nodes, true, since, wholeTime)
	}
}

// flushed has Redis forget all that it has. Nobody has left, and nobody may be told so, when it is forgotten or when it would have expired.
func flushed(c *cluster) {
	c.attended("all people are shown at all nodes", c.nodes, true, time.Now(), vanishTime)
	c.moment(time.Second)
	c.departed()
	streams := map[string]func() []string{}
	for _, n := range c.nodes {
		streams[n.name] = c.events(n)
	}
	_, err := c.redis.do("FLUSHALL")
	c.must(err)
	// The nodes remember each other's people for a while. Who comes now, and remembers nobody, must find them in Redis.
	c.must(poll("all leases are in Redis again", wholeTime, func() error {
		v, err := c.redis.do("KEYS", "bizsync:lease:*")
		if err == nil && len(v.strings) < len(c.places) {
			err = verdict{fmt.Sprintf("%d of %d leases are there", len(v.strings), len(c.places))}
		}
		return err
	}))
	c.attended("all people are shown at all nodes", c.nodes, true, time.Now(), wholeTime)
	for end := time.Now().Add(diedTime); time.Now().Before(end); c.lasts(100 * time.Millisecond) {
		for _, room := range c.rooms {
			if err := c.company(room, c.nodes, true); err != nil {
				c.broken("presence was whole again after FLUSHALL, and then: %v", err)
			}
		}
	}
	if d := c.departed(); len(d) > 0 {
		c.broken("people were told that others have left: %+v", d)
	}
	for name, end := range streams {
		kinds := end()
		if len(kinds) == 0 || kinds[0] != "snapshot" {
			c.broken("node %s streams no snapshot, but %v", name, kinds)
		}
		if slices.ContainsFunc(kinds[min(1, len(kinds)):], func(kind string) bool { return kind != "change" }) {
			c.broken("nobody came and nobody left, but node %s streams %v", name, kinds)
		}
	}
}

// redisKilled: without Redis, which comes back empty, editing goes on, and each node shows its own people and says that there may be others.
func redisKilled(c *cluster) {
	c.moment(time.Second)
	c.must(c.redis.kill())
	for _, n := range c.nodes {
		c.attended("node "+n.name+" shows its own people", []*node{n}, false, time.Now(), diedTime)
	}
	c.acked(c.count().Writers)
	c.must(c.redis.start())
	c.over()
	c.whole()
}

// whole has the trial look, once all agree, whether all people are shown at all nodes. That takes longer than after FLUSHALL where people were told that others had
// left: Yjs shows these again when they give a sign of life that is newer, which they do every 15 s.
func (c *cluster) whole() {
	since := time.Now()
	c.afterwards = func() { c.attended("all people are shown at all nodes", c.nodes, true, since, vanishTime) }
}
