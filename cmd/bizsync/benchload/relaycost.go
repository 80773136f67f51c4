package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// relaying is what a node pays for documents that other nodes host: it hears of all of them, since it subscribes to a pattern. The other nodes are connections to Redis that
// publish what nodes would.
type relaying struct {
	nodes     []int // so many at a time, the measured one included
	documents []int // that a commit brings edits of, likewise: as many messages
	measured  time.Duration
}

// relayPoint is one such measurement.
type relayPoint struct {
	nodes, documents int
	messages         float64 // that the node has heard and left alone
	wall, cpu        time.Duration
	redis            time.Duration // processor time of Redis, with that node as the only one that hears
}

const (
	commitsPerSecond = 100 // of each of the other nodes
	relayedBytes     = 200 // of a message, which is what it takes to tell of a commit with two authors' short edits
	elsewhere        = 500 // documents that each of the others hosts
	relayVersion     = 1   // of the envelope around a message between nodes
)

// perMillion is the node's processor time in seconds for a million messages.
func (p relayPoint) perMillion() float64 { return p.cpu.Seconds() / max(p.messages, 1) * 1e6 }

// cores is how many cores that keeps busy.
func (p relayPoint) cores() float64 { return p.cpu.Seconds() / p.wall.Seconds() }

// run measures all of it at one node, which hosts nothing, and takes off what the node needs when nothing comes.
func (r relaying) run(ctx context.Context, node *lab.Node, redis *lab.Redis, profile profiler) (*result, error) {
	calm, err := r.measure(ctx, node, redis, relayPoint{nodes: 1}, profile)
	if err != nil {
		return nil, err
	}
	result := &result{}
	for _, nodes := range r.nodes {
		for _, documents := range r.documents {
			p, err := r.measure(ctx, node, redis, relayPoint{nodes: nodes, documents: documents}, profile)
			if err != nil {
				return nil, fmt.Errorf("%d nodes, %d documents a commit: %w", nodes, documents, err)
			}
			p.cpu = max(0, p.cpu-time.Duration(float64(calm.cpu)*p.wall.Seconds()/calm.wall.Seconds()))
			result.relayed = append(result.relayed, p)
		}
	}
	return result, nil
}

// Counters of the node that tell what has come.
const (
	metricUnhosted = "bizsync_relay_unhosted_total"
	metricDropped  = "bizsync_relay_dropped_total"
)

func (r relaying) measure(ctx context.Context, node *lab.Node, redis *lab.Redis, p relayPoint, profile profiler) (relayPoint, error) {
	before, err := node.Metrics(ctx)
	if err != nil {
		return p, err
	}
	began := time.Now()
	cpu, cpuErr := lab.FineProcessorTime(node.PID())
	ofRedis, redisErr := lab.FineProcessorTime(redis.PID())
	profiled := profile.of(fmt.Sprintf("%d-nodes-%d-documents", p.nodes, p.documents)).cpu(ctx, r.measured)
	sent, err := r.others(ctx, redis, p)
	if err := errors.Join(err, cpuErr, redisErr); err != nil {
		return p, err
	}
	cpuAfter, cpuErr := lab.FineProcessorTime(node.PID())
	redisAfter, redisErr := lab.FineProcessorTime(redis.PID())
	p.wall, p.cpu, p.redis = time.Since(began), cpuAfter-cpu, redisAfter-ofRedis
	if err := errors.Join(cpuErr, redisErr, profiled()); err != nil {
		return p, err
	}
	after, err := node.Metrics(ctx)
	for tries := 0; err == nil && after[metricUnhosted] < before[metricUnhosted]+float64(sent) && tries < 20; tries++ { // the last of them is on its way
		if err = sleep(ctx, 100*time.Millisecond); err == nil {
			after, err = node.Metrics(ctx)
		}
	}
	if err != nil {
		return p, err
	}
	p.messages = after[metricUnhosted] - before[metricUnhosted]
	for name := range after {
		if strings.HasPrefix(name, metricDropped) && after[name] != before[name] {
			return p, fmt.Errorf("%s: %.0f of what was sent is not what nodes send", name, after[name]-before[name])
		}
	}
	if p.messages != float64(sent) {
		return p, fmt.Errorf("%d messages were sent, and the node heard %.0f", sent, p.messages)
	}
	return p, nil
}

// others plays the other nodes, and gives how many messages they have sent in all.
func (r relaying) others(ctx context.Context, redis *lab.Redis, p relayPoint) (sent int, err error) {
	if p.nodes == 1 {
		return 0, sleep(ctx, r.measured)
	}
	begin := clock{time.Now()}
	work, ctx := errgroup.WithContext(ctx)
	counts := make([]int, p.nodes-1)
	for i := range counts {
		work.Go(func() (err error) {
			offset := time.Second / commitsPerSecond * time.Duration(i) / time.Duration(len(counts))
			counts[i], err = otherNode(ctx, redis.Addr(), begin, offset, r.measured, p.documents)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return 0, err
	}
	for _, n := range counts {
		sent += n
	}
	return sent, nil
}

// otherNode commits as often as nodes do when they are busy, and publishes a message for each document.
func otherNode(ctx context.Context, addr string, begin clock, offset, during time.Duration, documents int) (sent int, err error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return 0, fmt.Errorf("connect to Redis: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // reading heeds no context
	var channels []string
	for range elsewhere {
		channels = append(channels, "document:"+uuid.NewString())
	}
	message := make([]byte, relayedBytes)
	_, _ = rand.Read(message) // it never fails
	message[0] = relayVersion
	answers := bufio.NewReader(conn)
	var pipeline []byte
	for at := offset; at < during; at += time.Second / commitsPerSecond {
		if err := begin.sleepUntil(ctx, at); err != nil {
			return sent, err
		}
		pipeline = pipeline[:0]
		for range documents {
			pipeline = appendCommand(pipeline, "PUBLISH", channels[sent%elsewhere], string(message))
			sent++
		}
		if _, err := conn.Write(pipeline); err != nil {
			return sent, fmt.Errorf("publish: %w", err)
		}
		for range documents {
			line, err := answers.ReadString('\n')
			if err != nil {
				return sent, fmt.Errorf("publish: %w", err)
			}
			if line != ":1\r\n" {
				return sent, fmt.Errorf("publish: one node should hear it: %q", line)
			}
		}
	}
	return sent, nil
}

// appendCommand appends a command as Redis reads it.
func appendCommand(b []byte, args ...string) []byte {
	b = append(strconv.AppendInt(append(b, '*'), int64(len(args)), 10), "\r\n"...)
	for _, arg := range args {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(arg)), 10), "\r\n"...)
		b = append(append(b, arg...), "\r\n"...)
	}
	return b
}

// tell writes what came of it.
func (p relayPoint) tell(w io.Writer) {
	fmt.Fprintf(w, "  %d nodes, %d documents a commit: %.0f messages/s, %.2f CPU s per 1M, %.4f cores; Redis %.3f cores\n", p.nodes, p.documents, p.messages/p.wall.Seconds(), p.perMillion(), p.cores(),
		p.redis.Seconds()/p.wall.Seconds())
}
