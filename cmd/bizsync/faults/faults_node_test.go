package faults

import "time"

// nodeFaults are those of the nodes' own processes.
func nodeFaults() []fault {
	return []fault{
		{name: "node killed", rounds: 20, ci: 2, run: nodeKilled},
		{name: "node killed while its database hangs", rounds: 3, ci: 1, run: nodeKilledWaiting},
		{name: "nodes stopped and started in turn", nodes: 3, rounds: 3, ci: 1, run: rollingRestart},
		{name: "node frozen for 15 s", rounds: 2, run: nodeFrozen},
	}
}

// nodeKilled kills a node at a random moment; every other time all clients die with it, so that nobody could bring again what it forgot.
func nodeKilled(c *cluster) {
	c.moment(2 * time.Second)
	n := c.any()
	c.must(n.kill())
	if c.random.IntN(2) == 0 {
		c.forget()
	}
	c.must(n.launch())
	c.over()
	c.must(n.ready("ok"))
}

// nodeKilledWaiting kills a node that could commit nothing for a while, with all clients: what was acknowledged to them meanwhile would be lost.
func nodeKilledWaiting(c *cluster) {
	n := c.any()
	c.must(n.postgres.swallow())
	c.lasts(time.Second + time.Duration(c.random.Int64N(int64(time.Second))))
	c.must(n.kill())
	c.forget()
	n.postgres.clear()
	c.must(n.launch())
	c.over()
	c.must(n.ready("ok"))
}

// rollingRestart stops and starts one node after the other, as an update of the program would.
func rollingRestart(c *cluster) {
	for _, n := range c.nodes {
		c.must(n.stop())
		c.must(n.start())
		c.acked(c.count().Writers)
	}
}

// nodeFrozen is a node that does nothing for a while and then knows nothing of it.
func nodeFrozen(c *cluster) {
	n := c.any()
	c.must(n.freeze())
	c.lasts(15 * time.Second)
	c.must(n.thaw())
}
