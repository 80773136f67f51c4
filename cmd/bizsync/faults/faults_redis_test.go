package faults

import (
	"syscall"
	"time"
)

// redisFaults are those of Redis and of the ways to it.
func redisFaults() []fault {
	return []fault{
		{name: "Redis killed, back empty", rounds: 5, ci: 1, run: redisKilled},
		{name: "Redis frozen for 10 s", rounds: 2, ci: 1, run: redisFrozen},
		{name: "subscriptions killed every 200 ms", rounds: 3, ci: 1, run: subscriptionsKilled},
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
