package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/bizsync/bizsync/store"
)

// Keys. What belongs to one run has the run as its hash tag, so that a Cluster keeps it together.
//
//	bizsync:nodes               sorted set: run, by when its record expires in ms since 1970
//	bizsync:node:{run}          the record, JSON
//	bizsync:leases:{run}        sorted set: connection, by when its lease expires
//	bizsync:lease:{run}:conn    the lease, JSON
//
// Whether something lives is for its own key's expiry to say, by Redis's clock. The scores serve to sweep the sets only, and are compared with nobody's
// clock but that of who wrote them, or with an hour to spare.
const nodesKey = "bizsync:nodes"

func nodeKey(run string) string        { return "bizsync:node:{" + run + "}" }
func leasesKey(run string) string      { return "bizsync:leases:{" + run + "}" }
func leaseKey(run, conn string) string { return "bizsync:lease:{" + run + "}:" + conn }

const (
	// maxCommands bounds a pipeline, and the arguments of a command.
	maxCommands = 500
	// maxNodes and maxLeases bound what is read.
	maxNodes  = 1000
	maxLeases = 50_000
	// maxRecord bounds in bytes the records and leases that are believed.
	maxRecord = 16 << 10
	// maxName bounds in bytes what is written of a person's name, so that no name keeps a lease from being written.
	maxName = 1024
	// maxUnsaid bounds what is remembered of people who left while Redis was away; their leases soon expire by themselves.
	maxUnsaid = 10_000
	// nodesTTL is how long the list of nodes outlives the last Renew of any node, so that nothing stays in a Redis that no node uses any more.
	nodesTTL = time.Minute
	// sweepAfter is how long a node that is gone stays in the list of nodes, where it does no harm, while others live.
	sweepAfter = time.Hour
)

// renewal is what is known of a run that renews through this Shared.
type renewal struct {
	serial  uint64      // of the newest record that was sent
	written uint64      // of the newest record that Redis acknowledged; 0: none
	unsaid  []uuid.UUID // who left, as told to Renew, while it failed
}

// record is a node's record as it is stored. The serial number tells a record that was flushed and one that a failover took back from the newest one.
type record struct {
	store.Node
	Serial uint64 `json:"serial"`
}

// Renew writes the node's record, which expires in NodeTTL, and these leases, each of which expires by itself in LeaseTTL, and takes away those of gone, in
// pipelines of 500 commands. Whoever sees the record sees the leases: it is written last. lost: the record of an earlier Renew was not there any more, because Redis
// was emptied or fell back, or because it expired: the caller renews everything. What an error kept in gone from being taken away is with the next Renew.
// One call at a time for one run.
func (s *Shared) Renew(ctx context.Context, n store.Node, leases []store.Lease, gone []uuid.UUID) (lost bool, err error) {
	if n.Run == uuid.Nil {
		return false, errors.New("renew presence: a node without a run")
	}
	before, all := s.beginRenewal(n.Run, gone)
	lost, err = s.renew(ctx, n, leases, all, before)
	if err = s.settle(ctx, callRenew, err); err != nil {
		s.failRenewal(n.Run, gone)
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.renewals[n.Run]; r != nil {
		r.written, r.unsaid = before.serial, nil
	}
	s.metrics.leases.Add(float64(len(leases)))
	return lost, nil
}

// beginRenewal numbers the next record of a run, and adds to gone what is still unsaid.
func (s *Shared) beginRenewal(run uuid.UUID, gone []uuid.UUID) (r renewal, all []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewals[run] == nil {
		s.renewals[run] = &renewal{}
	}
	s.renewals[run].serial++
	r = *s.renewals[run]
	return r, append(r.unsaid[:len(r.unsaid):len(r.unsaid)], gone...)
}

func (s *Shared) failRenewal(run uuid.UUID, gone []uuid.UUID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.renewals[run]; r != nil {
		r.unsaid = append(r.unsaid, gone[:min(len(gone), maxUnsaid-len(r.unsaid))]...)
	}
}

// renew does what Renew says; before is the renewal with the serial number of the record to write.
func (s *Shared) renew(ctx context.Context, n store.Node, leases []store.Lease, gone []uuid.UUID, before renewal) (lost bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	run := n.Run.String()
	values := make([][]byte, len(leases))
	for i, l := range leases {
		l.Run, l.Name = n.Run, cut(l.Name)
		if values[i], err = encode(l); err != nil {
			return false, fmt.Errorf("encode lease: %w", err)
		}
	}
	own, err := encode(record{n, before.serial})
	if err != nil {
		return false, fmt.Errorf("encode record: %w", err)
	}
	now := s.now()
	var old *goredis.StatusCmd
	const room = maxCommands - 8 // for what else is in the pipeline
	for first := true; first || len(leases) > 0 || len(gone) > 0; first = false {
		there, away := leases[:min(len(leases), room)], gone[:min(len(gone), room)]
		texts := values[:len(there)]
		leases, gone, values = leases[len(there):], gone[len(away):], values[len(there):]
		err := s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) {
			writeLeases(ctx, pipe, run, there, texts, now)
			dropLeases(ctx, pipe, run, away)
			if len(leases) > 0 || len(gone) > 0 {
				return
			}
			if !brokenNoExpiry {
				pipe.ZRemRangeByScore(ctx, leasesKey(run), "-inf", milliseconds(now))
				pipe.PExpire(ctx, leasesKey(run), LeaseTTL)
			}
			pipe.ZAdd(ctx, nodesKey, goredis.Z{Score: float64(now.Add(NodeTTL).UnixMilli()), Member: run})
			pipe.PExpire(ctx, nodesKey, nodesTTL)
			old = pipe.SetArgs(ctx, nodeKey(run), own, goredis.SetArgs{TTL: ttl(NodeTTL), Get: true})
		})
		if err != nil {
			return false, err
		}
	}
	if before.written == 0 {
		return false, nil
	}
	last, ok := decodeRecord(old.Val(), run)
	return !ok || last.Serial < before.written, nil
}

func writeLeases(ctx context.Context, pipe goredis.Pipeliner, run string, leases []store.Lease, values [][]byte, now time.Time) {
	if len(leases) == 0 {
		return
	}
	members := make([]goredis.Z, len(leases))
	for i, l := range leases {
		conn := l.Conn.String()
		members[i] = goredis.Z{Score: float64(now.Add(LeaseTTL).UnixMilli()), Member: conn}
		pipe.Set(ctx, leaseKey(run, conn), values[i], ttl(LeaseTTL))
	}
	pipe.ZAdd(ctx, leasesKey(run), members...)
}

func dropLeases(ctx context.Context, pipe goredis.Pipeliner, run string, conns []uuid.UUID) {
	if len(conns) == 0 {
		return
	}
	keys, members := make([]string, len(conns)), make([]any, len(conns))
	for i, c := range conns {
		keys[i], members[i] = leaseKey(run, c.String()), c.String()
	}
	pipe.Del(ctx, keys...)
	pipe.ZRem(ctx, leasesKey(run), members...)
}

// Nodes lists the nodes whose record lives, at most 1,000 of them.
func (s *Shared) Nodes(ctx context.Context) ([]store.Node, error) {
	nodes, err := s.nodes(ctx)
	if err := s.settle(ctx, callNodes, err); err != nil {
		return nil, err
	}
	return nodes, nil
}

func (s *Shared) nodes(ctx context.Context) ([]store.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var list *goredis.ZSliceCmd
	if err := s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) {
		list = pipe.ZRevRangeWithScores(ctx, nodesKey, 0, maxNodes-1)
	}); err != nil {
		return nil, err
	}
	runs := list.Val()
	if len(runs) == 0 {
		return nil, nil
	}
	values := make([]*goredis.StringCmd, len(runs))
	for from := 0; from < len(runs); from += maxCommands {
		if err := s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) {
			for i := from; i < min(from+maxCommands, len(runs)); i++ {
				run, _ := runs[i].Member.(string)
				values[i] = pipe.Get(ctx, nodeKey(run))
			}
		}); err != nil {
			return nil, err
		}
	}
	var nodes []store.Node
	var dead []any
	for i, v := range values {
		run, _ := runs[i].Member.(string)
		if v.Err() != nil {
			if int64(runs[i].Score) < s.now().Add(-sweepAfter).UnixMilli() {
				dead = append(dead, run)
			}
			continue
		}
		r, ok := decodeRecord(v.Val(), run)
		if !ok {
			s.metrics.malformed.Inc()
			continue
		}
		nodes = append(nodes, r.Node)
	}
	if len(dead) > 0 {
		return nodes, s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) { pipe.ZRem(ctx, nodesKey, dead...) })
	}
	return nodes, nil
}

// Leases lists the living leases of one node, at most 50,000 of them.
func (s *Shared) Leases(ctx context.Context, run uuid.UUID) ([]store.Lease, error) {
	leases, err := s.leases(ctx, run)
	return leases, s.settle(ctx, callLeases, err)
}

func (s *Shared) leases(ctx context.Context, run uuid.UUID) ([]store.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conns, err := s.index(ctx, run)
	if err != nil {
		return nil, err
	}
	leases := make([]store.Lease, 0, len(conns))
	for len(conns) > 0 {
		some := conns[:min(len(conns), maxCommands)]
		conns = conns[len(some):]
		keys := make([]string, len(some))
		for i, c := range some {
			keys[i] = leaseKey(run.String(), c)
		}
		var values *goredis.SliceCmd
		if err := s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) { values = pipe.MGet(ctx, keys...) }); err != nil {
			return nil, err
		}
		for i, v := range values.Val() {
			text, ok := v.(string)
			if !ok {
				continue // expired
			}
			var l store.Lease
			if !decode(text, &l) || l.Run != run || l.Conn.String() != some[i] || l.Role > store.Owner {
				s.metrics.malformed.Inc()
				continue
			}
			leases = append(leases, l)
		}
	}
	return leases, nil
}

// index lists the connections that may have a lease.
func (s *Shared) index(ctx context.Context, run uuid.UUID) ([]string, error) {
	var list *goredis.StringSliceCmd
	err := s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) {
		list = pipe.ZRange(ctx, leasesKey(run.String()), 0, maxLeases-1)
	})
	if err != nil {
		return nil, err
	}
	return list.Val(), nil
}

// Leave removes the node's record and its leases. A Renew that comes after it begins anew.
func (s *Shared) Leave(ctx context.Context, run uuid.UUID) error {
	s.mu.Lock()
	delete(s.renewals, run)
	s.mu.Unlock()
	return s.settle(ctx, callLeave, s.leave(ctx, run))
}

func (s *Shared) leave(ctx context.Context, run uuid.UUID) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	text := run.String()
	// The record first: without it nobody looks for the leases.
	if err := s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) {
		pipe.Del(ctx, nodeKey(text))
		pipe.ZRem(ctx, nodesKey, text)
	}); err != nil {
		return err
	}
	conns, err := s.index(ctx, run)
	if err != nil {
		return err
	}
	for len(conns) > 0 {
		some := conns[:min(len(conns), maxCommands)]
		conns = conns[len(some):]
		keys := make([]string, len(some))
		for i, c := range some {
			keys[i] = leaseKey(text, c)
		}
		if err := s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) { pipe.Del(ctx, keys...) }); err != nil {
			return err
		}
	}
	return s.exchange(ctx, exchangeTimeout, func(ctx context.Context, pipe goredis.Pipeliner) { pipe.Del(ctx, leasesKey(text)) })
}

// now is this node's time as it was at the start, moved on by a clock that nobody sets.
func (s *Shared) now() time.Time { return s.started.Add(time.Since(s.started)) }

// ttl is the life of presence, or 0, for ever.
func ttl(life time.Duration) time.Duration {
	if brokenNoExpiry {
		return 0
	}
	return life
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// cut shortens a name to what is written of it, at the end of a character.
func cut(name string) string {
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil && len(b) > maxRecord {
		return nil, fmt.Errorf("%d bytes, above %d", len(b), maxRecord)
	}
	return b, err
}

func decode(text string, v any) bool {
	return len(text) <= maxRecord && json.Unmarshal([]byte(text), v) == nil
}

func decodeRecord(text, run string) (r record, ok bool) {
	ok = decode(text, &r) && r.Run.String() == run
	return r, ok
}
