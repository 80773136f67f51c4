package faults

import (
	"errors"
	"syscall"
	"time"
)

// redisFaults are those of Redis and of the ways to it.
func redisFaults() []fault {
	return []fault{
		{name: "Redis killed, back empty", rounds: 5, ci: 1, run: redisKilled},
		{name: "Redis frozen for 10 s", rounds: 2, ci: 1, run: redisFrozen},
		{name: "subscriptions killed every 200 ms", rounds: 3, ci: 1, run: subscriptionsKilled},
		{name: "connections to Redis swallowed, new ones work", rounds: 3, run: redisSwallowed},
		{name: "node cut from Redis", rounds: 3, ci: 1, run: cutFromRedis},
		{name: "node's packets to Redis vanish", rounds: 2, run: redisUnanswering},
		{name: "FLUSHALL", rounds: 5, ci: 1, run: flushed},
	}
}

func redisKilled(c *cluster) {
	c.moment(time.Second)
	c.must(c.redis.kill())
	c.lasts(3 * time.Second)
	c.acked(c.count().Writers) // editing goes on without it
	c.must(c.redis.start())
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

func flushed(c *cluster) {
	c.moment(time.Second)
	_, err := c.redis.do("FLUSHALL")
	c.must(err)
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
