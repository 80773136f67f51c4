package faults

import (
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// restoredTo has an operator bring back a copy of the database of a while ago, under running nodes: history goes back. The nodes notice, and whoever is still connected brings again
// what was lost, their own, and what they have of others who have left.
func restoredTo(ago time.Duration) func(*cluster) {
	return func(c *cluster) {
		copied := filepath.Join(c.postgres.Dir, "copy")
		c.must(c.postgres.backup(copied))
		const epochs = "SELECT string_agg(epoch::text, ' ' ORDER BY document) FROM heads"
		before, err := c.postgres.query(epochs)
		c.must(err)
		c.lasts(ago)
		c.acked(c.count().Writers)
		c.leaveNode(c.any())
		c.lasts(time.Second) // for the last edits of those who left to be told to the others
		c.must(c.postgres.stop(syscall.SIGQUIT))
		c.must(c.postgres.restore(copied))
		c.restored = true
		c.must(c.postgres.start())
		c.over()
		c.acked(c.count().Writers)
		c.comeBack()
		after, err := c.postgres.query(epochs)
		c.must(err)
		for _, epoch := range strings.Fields(before) {
			if strings.Contains(after, epoch) {
				c.broken("a document's epoch is still %s after its history went back", epoch)
			}
		}
	}
}

// killedMigrating starts a cluster of three nodes of which one is killed while they migrate.
func killedMigrating(c *cluster) {
	f := fault{nodes: 3, launch: launchKilled, run: func(*cluster) {}}
	res := f.try(c.logf, c.nodes[0].program, 1, hopeTime)
	c.complainOf(res.err)
}

// launchKilled starts all nodes at once on an empty database and kills one in the middle. The others go on, and it joins them.
func launchKilled(c *cluster) {
	for _, n := range c.nodes {
		c.must(n.launch())
	}
	c.must(poll("somebody migrates", rig.Patience, func() error {
		at, err := c.postgres.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bizsync migration'")
		if err == nil && at == "0" {
			err = errNotYet
		}
		return err
	}))
	c.moment(150 * time.Millisecond)
	victim := c.any()
	c.must(victim.kill())
	made, err := c.postgres.query("SELECT to_regclass('schema_migrations') IS NOT NULL, to_regclass('heads') IS NOT NULL")
	c.must(err)
	c.logf("when node %s is killed there is the table of versions, and the schema: %s", victim.name, made)
	for _, n := range others(c.nodes, victim) {
		c.must(n.ready("ok"))
	}
	c.must(victim.start())
	made, err = c.postgres.query("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM schema_migrations WHERE NOT dirty)")
	c.must(err)
	if made != "1|1" {
		c.broken("three nodes on an empty database made, together, users and clean versions: %s", made)
	}
}
