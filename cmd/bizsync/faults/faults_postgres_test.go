package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// postgresFaults are those of PostgreSQL and of the ways to it.
func postgresFaults() []fault {
	return []fault{
		{name: "PostgreSQL restarted, fast", rounds: 3, run: postgresStopped(syscall.SIGINT)},
		{name: "PostgreSQL restarted, immediate", rounds: 3, run: postgresStopped(syscall.SIGQUIT)},
		{name: "PostgreSQL's processes killed", rounds: 10, ci: 2, run: postgresStopped(syscall.SIGKILL)},
		{name: "PostgreSQL frozen for 10 s", rounds: 3, ci: 1, run: postgresFrozen},
		{name: "disk of PostgreSQL's log full", rounds: 3, run: logFull},
		{name: "every fifth insert fails", rounds: 3, ci: 1, run: fifthInsertFails},
		{name: "one document's inserts fail", rounds: 3, ci: 1, run: oneDocumentFails},
		{name: "pool of connections exhausted", flags: []string{"--database-pool-size", "3"}, rounds: 3, run: poolExhausted},
		{name: "PostgreSQL takes no more connections", rounds: 3, run: noMoreConnections},
		{name: "database read-only", rounds: 3, ci: 1, run: readOnly},
		{name: "node frozen inside its append", rounds: 6, ci: 1, run: frozenInsideAppend},
		{name: "node cut from PostgreSQL", rounds: 3, ci: 1, run: cutFromPostgres},
		{name: "node's packets to PostgreSQL vanish", rounds: 3, run: postgresUnanswering},
		{name: "200 ms to PostgreSQL", rounds: 3, run: farFromPostgres},
		{name: "database restored to a minute ago", rounds: 2, run: restoredTo(time.Minute)},
		{name: "database restored to 8 s ago", rounds: 3, ci: 1, run: restoredTo(8 * time.Second)},
		{name: "one of three nodes killed while all migrate", rounds: 10, ci: 1, run: killedMigrating},
	}
}

// pageTime is how long an acknowledgement may take where a fault must not be felt (CONTRACT I1; p99).
const pageTime = 250 * time.Millisecond

// silent lets time pass in which nothing can be committed at these nodes in these documents, so that nothing may be acknowledged. What was committed just before is on its way for a while.
func (c *cluster) silent(d time.Duration, nodes []*node, rooms []string) {
	c.lasts(time.Second)
	c.mark()
	typed := c.count().Typed
	c.lasts(d)
	if c.count().Typed == typed {
		c.complain(errors.New("nobody typed"))
	}
	if l := c.latencies(nodes, rooms); l.Count > 0 {
		c.broken("%d tokens were acknowledged while nothing could be committed", l.Count)
	}
}

// usual measures how long acknowledgements take without a fault: on a machine that is busy with other things, too, longer than anywhere else.
func (c *cluster) usual() latencies {
	c.mark()
	c.lasts(2 * time.Second)
	return c.latencies(c.nodes, c.rooms)
}

// undisturbed looks at how long acknowledgements took since mark where the fault must not be felt.
func (c *cluster) undisturbed(usual latencies, nodes []*node, rooms []string) {
	l := c.latencies(nodes, rooms)
	c.logf("undisturbed: %d acknowledgements in %.0f ms (p50), %.0f ms (p99), %.0f ms at most; without the fault %.0f ms (p99)", l.Count, l.P50, l.P99, l.Max, usual.P99)
	if l.Count < 20 || l.P99 > max(float64(pageTime.Milliseconds()), 3*usual.P99) {
		c.broken("where the fault must not be felt there were %d acknowledgements, in %.0f ms (p50), %.0f ms (p99); without the fault in %.0f ms (p99)", l.Count, l.P50, l.P99, usual.P99)
	}
}

// others are all but one.
func others[T comparable](all []T, but T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(t T) bool { return t == but })
}

// postgresStopped ends it; every other time all clients end meanwhile, so that nobody could bring again what it forgot.
func postgresStopped(how syscall.Signal) func(*cluster) {
	return func(c *cluster) {
		c.moment(time.Second)
		c.must(c.postgres.stop(how))
		c.silent(time.Second, c.nodes, c.rooms)
		if c.random.IntN(2) == 0 {
			c.forget()
		}
		c.must(c.postgres.start())
	}
}

// postgresFrozen: it does nothing, and its machine still takes packets and connections.
func postgresFrozen(c *cluster) {
	c.moment(time.Second)
	c.must(c.postgres.process.signalAll(syscall.SIGSTOP))
	c.silent(9*time.Second, c.nodes, c.rooms)
	c.must(c.postgres.process.signalAll(syscall.SIGCONT))
}

// logFull has no room for the log, which PostgreSQL doesn't survive; when there is some again, it is started again.
func logFull(c *cluster) {
	if c.postgres.wal == "" {
		c.must(c.postgres.stop(syscall.SIGINT))
		c.must(c.postgres.mountLog(96 << 20))
		c.must(c.postgres.start())
		c.acked(c.count().Writers)
	}
	c.must(c.postgres.fillLog())
	before := c.postgres.log.String()
	c.must(poll("the log finds no room", rig.Patience, func() error {
		_, _ = c.postgres.query("SELECT pg_switch_wal()") // fails in the end
		if !strings.Contains(c.postgres.log.String()[len(before):], "No space left on device") {
			return errNotYet
		}
		return nil
	}))
	c.silent(3*time.Second, c.nodes, c.rooms)
	if c.random.IntN(2) == 0 {
		c.forget()
	}
	c.must(os.Remove(c.postgres.ballast()))
	if c.postgres.process.alive() { // it may be trying again
		c.must(c.postgres.stop(syscall.SIGQUIT))
	}
	c.must(c.postgres.start())
}

// onInsert has PL/pgSQL statements run before each insert of a row into the log; NEW is the row. There is a sequence named fault, from 1.
func (c *cluster) onInsert(statements string) {
	_, err := c.postgres.query("CREATE SEQUENCE IF NOT EXISTS fault; ALTER SEQUENCE fault RESTART;" +
		"CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + statements + " RETURN NEW; END $$;" +
		"CREATE OR REPLACE TRIGGER fault BEFORE INSERT ON updates FOR EACH ROW EXECUTE FUNCTION fault()")
	c.must(err)
}

// fifthInsertFails: PostgreSQL asks for another try of the transaction.
func fifthInsertFails(c *cluster) {
	c.onInsert(`CASE nextval('fault') % 10
		WHEN 0 THEN RAISE serialization_failure;
		WHEN 5 THEN RAISE deadlock_detected;
		ELSE
		END CASE;`)
	c.mark()
	c.lasts(5 * time.Second)
	c.acked(c.count().Writers)
	l := c.latencies(c.nodes, c.rooms)
	c.logf("%d acknowledgements in %.0f ms (p50), %.0f ms (p99)", l.Count, l.P50, l.P99)
	c.onInsert("")
}

// oneDocumentFails: something is wrong with one document that no other try helps against. The others have no part in it.
func oneDocumentFails(c *cluster) {
	usual := c.usual()
	bad := c.rooms[c.random.IntN(len(c.rooms))]
	c.onInsert("IF NEW.document = '" + bad + "' THEN RAISE check_violation; END IF;")
	c.silent(5*time.Second, c.nodes, []string{bad})
	c.undisturbed(usual, c.nodes, others(c.rooms, bad))
	c.onInsert("")
}

// poolExhausted has requests take all connections and wait for a lock. Edits don't need any of those.
func poolExhausted(c *cluster) {
	usual := c.usual()
	lock := c.postgres.SQL(context.Background(), "BEGIN; LOCK TABLE documents IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(6)")
	lock.Stdout, lock.Stderr = &c.postgres.log, &c.postgres.log
	c.must(lock.Start())
	var requests sync.WaitGroup
	for _, n := range c.nodes {
		for range 20 {
			requests.Go(func() { _ = c.admin.request(n, "GET", "/documents", nil, 200, nil) }) // some find no connection
		}
	}
	c.must(poll("all connections are taken", 5*time.Second, func() error {
		for _, n := range c.nodes {
			values, err := n.measures()
			if err != nil {
				return err
			}
			if values["bizsync_database_pool_idle_connections"] > 0 || values["bizsync_database_pool_acquired_connections"] < values["bizsync_database_pool_max_connections"] {
				return errNotYet
			}
		}
		return nil
	}))
	c.mark()
	c.lasts(3 * time.Second)
	c.undisturbed(usual, c.nodes, c.rooms)
	c.must(lock.Wait())
	requests.Wait()
}

// noMoreConnections: others hold all sessions that PostgreSQL has, so that a node that loses its own gets no new ones.
func noMoreConnections(c *cluster) {
	const sessions = 24
	if len(c.postgres.settings) == 0 {
		c.postgres.settings = []string{"-c", fmt.Sprint("max_connections=", sessions), "-c", "superuser_reserved_connections=0", "-c", "max_wal_senders=0"}
		c.must(c.postgres.stop(syscall.SIGINT))
		c.must(c.postgres.start())
		c.acked(c.count().Writers)
	}
	var held []session
	release := func() {
		for _, s := range held {
			s.Close()
		}
	}
	defer release()
	first, err := c.postgres.session()
	c.must(err)
	held = append(held, first)
	// Each of ours takes the place of one that is ended.
	c.must(poll("all sessions are held", rig.Patience, func() error {
		if err := first.tell("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'bizsync%'"); err != nil {
			return err
		}
		for {
			s, err := c.postgres.session()
			if err != nil {
				break // there is no more
			}
			held = append(held, s)
		}
		if len(held) < sessions {
			return fmt.Errorf("%d are", len(held))
		}
		return nil
	}))
	c.silent(3*time.Second, c.nodes, c.rooms)
	release()
}

// readOnly is what a primary is that an operator or a failover has made a standby, or whose disk is nearly full.
func readOnly(c *cluster) {
	for _, statement := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
		_, err := c.postgres.query(statement)
		c.must(err)
	}
	c.silent(4*time.Second, c.nodes, c.rooms)
	for _, statement := range []string{"ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"} {
		_, err := c.postgres.query(statement)
		c.must(err)
	}
}

// frozenInsideAppend freezes a node while its transaction holds a document's lock, which ends in time or is ended by PostgreSQL.
func frozenInsideAppend(c *cluster) {
	usual := c.usual()
	c.types(0)
	c.converges(time.Now())
	n, room := c.any(), c.rooms[c.random.IntN(len(c.rooms))]
	seconds := []int{3, 10}[c.random.IntN(2)]
	c.onInsert(fmt.Sprintf("IF NEW.document = '%s' AND nextval('fault') = 1 THEN PERFORM pg_sleep(%d); END IF;", room, seconds))
	acked := make(chan error, 1)
	go func() {
		acked <- c.crowd.Call("one", map[string]any{"node": n.name, "room": room, "limit": rig.Patience.Milliseconds()}, 2*rig.Patience, nil)
	}()
	c.must(poll("the node is inside its append", rig.Patience, func() error {
		at, err := c.postgres.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bizsync journal' AND wait_event = 'PgSleep'")
		if err == nil && at != "1" {
			err = errNotYet
		}
		return err
	}))
	c.must(n.freeze())
	c.types(usualPace)
	c.mark()
	c.lasts(2 * time.Second)
	c.undisturbed(usual, others(c.nodes, n), others(c.rooms, room))
	c.lasts(5 * time.Second)
	c.must(n.thaw())
	c.onInsert("")
	c.over()
	if err := <-acked; err != nil {
		c.must(verdict{"what a frozen node was committing isn't acknowledged: " + err.Error()})
	}
}

// cutFromPostgres: one node can't reach it, and is told so at once. The others have no part in it.
func cutFromPostgres(c *cluster) {
	usual := c.usual()
	n := c.any()
	n.postgres.cut()
	c.must(n.ready("unavailable"))
	c.silent(5*time.Second, []*node{n}, c.rooms)
	c.undisturbed(usual, others(c.nodes, n), c.rooms)
	c.must(n.postgres.heal())
}

// postgresUnanswering: one node can't reach it, and isn't told.
func postgresUnanswering(c *cluster) {
	n := c.any()
	c.must(n.postgres.swallow())
	c.silent(12*time.Second, []*node{n}, c.rooms)
	n.postgres.clear()
}

// farFromPostgres: each answer comes late, and the nodes work.
func farFromPostgres(c *cluster) {
	for _, n := range c.nodes {
		c.must(n.postgres.slow(200 * time.Millisecond))
	}
	c.lasts(time.Second)
	c.mark()
	c.lasts(4 * time.Second)
	c.acked(2 * c.count().Writers)
	l := c.latencies(c.nodes, c.rooms)
	c.logf("%d acknowledgements in %.0f ms (p50), %.0f ms (p99)", l.Count, l.P50, l.P99)
	// Alone, an edit waits for the commit before its own, and for its own.
	if l.P50 < 200 || l.P99 > 2000 {
		c.broken("with 200 ms to PostgreSQL an acknowledgement takes %.0f ms (p50), %.0f ms (p99)", l.P50, l.P99)
	}
	for _, n := range c.nodes {
		n.postgres.clear()
	}
}
