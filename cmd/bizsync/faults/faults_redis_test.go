package faults

import (
	"errors"
	"syscall"
	"time"
)

// redisFaults are those of Redis and of the ways to it.
func redisFaults() []fault {
	return []fault{
		{name: "Redis frozen for 10 s", rounds: 2, run: redisFrozen},
		{name: "subscriptions killed every 200 ms", rounds: 3, ci: 1, run: subscriptionsKilled},
		{name: "connections to Redis swallowed, new ones work", rounds: 3, run: redisSwallowed},
		{name: "node cut from Redis", rounds: 3, run: cutFromRedis},
		{name: "node's packets to Redis vanish", rounds: 2, run: redisUnanswering},
		{name: "Sentinel failover", sentinels: true, rounds: 2, run: failover},
	}
}

func redisFrozen(c *cluster) {
	c.must(c.redis.process.signal(syscall.SIGSTOP))
	c.lasts(10 * time.Second)
	c.acked(c.count().Writers)
	c.must(c.redis.process.signal(syscall.SIGCONT))
}

func subscriptionsKilled(c *cluster) {
	for range 25 {
		_, err := c.redis.do("CLIENT", "KILL", "TYPE", "pubsub")
		c.must(err)
		c.lasts(200 * time.Millisecond)
	}
}

// failover kills the master of Redis. The nodes follow the sentinels to the replica, and what they tell each other passes there.
func failover(c *cluster) {
	c.moment(time.Second)
	before, _, err := c.watch.failover()
	c.must(err)
	c.over()
	for _, n := range c.nodes {
		if err := n.ready("ok"); err != nil {
			c.must(verdict{err.Error()})
		}
		c.hears(n)
	}
	c.logf("the nodes talk again %v after the sentinels agreed", time.Since(c.ended).Round(time.Millisecond))
	c.whole()
	c.must(before.start())
}

// hears waits until something that another node says arrives.
func (c *cluster) hears(n *node) {
	const name = "bizsync_relay_received_total"
	was, err := n.measures()
	c.must(err)
	err = poll("node "+n.name+" hears the others", healTime, func() error {
		is, err := n.measures()
		if err == nil && is[name] <= was[name] {
			err = errNotYet
		}
		return err
	})
	if err != nil {
		c.must(verdict{err.Error()})
	}
}

// redisSwallowed is a stateful firewall that forgot all connections of one node: nothing comes through them, no end is told, and new ones work.
func redisSwallowed(c *cluster) {
	if c.any().wire.swallow() == 0 {
		c.must(errors.New("there is no connection to swallow"))
	}
	c.lasts(5 * time.Second)
	c.acked(c.count().Writers)
}

// cutFromRedis: one node can't reach Redis, and is told so at once.
func cutFromRedis(c *cluster) {
	n := c.any()
	n.redis.cut()
	c.lasts(5 * time.Second)
	c.acked(c.count().Writers)
	c.must(n.ready("degraded"))
	c.must(n.redis.heal())
}

// redisUnanswering: one node can't reach Redis, and isn't told.
func redisUnanswering(c *cluster) {
	n := c.any()
	c.must(n.redis.swallow())
	c.lasts(8 * time.Second)
	c.acked(c.count().Writers)
	n.redis.clear()
}
