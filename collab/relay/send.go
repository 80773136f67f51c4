package relay

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/redis/go-redis/v9"
)

// A pipeline holds at most so much, so that a second is enough for it on a slow network too.
const (
	pipelineItems = 512
	pipelineBytes = 1 << 20
)

// send publishes what is queued, in pipelines: what is queued while one is under way goes with the next, so that no timer is needed.
func (r *Redis) send(ctx context.Context) {
	s := newSealer(r.key)
	reported := false // an outage is logged once
	for {
		for items := r.queue.take(); len(items) > 0; {
			if ctx.Err() != nil {
				r.drain(ctx, s, items)
				return
			}
			n := pipelineLength(items)
			err := r.sendPipeline(ctx, s, items[:n])
			r.queue.release(items[:n])
			items = items[n:]
			if err != nil && !reported {
				r.log.Warn("publishing to Redis fails; other nodes read the edits from the database", "error", err)
			}
			reported = err != nil
		}
		select {
		case <-r.queue.wake:
		case <-ctx.Done():
			r.drain(ctx, s, nil)
			return
		}
	}
}

// drain sends what is left at the end, the news that people have left above all, for at most commandTimeout.
func (r *Redis) drain(ctx context.Context, s *sealer, items []item) {
	r.queue.close()
	items = append(items, r.queue.take()...)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandTimeout)
	defer cancel()
	for len(items) > 0 {
		n := pipelineLength(items)
		if ctx.Err() == nil {
			_ = r.sendPipeline(ctx, s, items[:n]) // counted; there is nobody left to tell
		} else {
			r.metrics.drop(dropPublish, n)
		}
		r.queue.release(items[:n])
		items = items[n:]
	}
}

func pipelineLength(items []item) int {
	n, bytes := 0, 0
	for n < len(items) && n < pipelineItems && (n == 0 || bytes+len(items[n].data) <= pipelineBytes) {
		bytes += len(items[n].data)
		n++
	}
	return n
}

// sendPipeline seals and publishes; it returns the first error. A pipeline that is under way isn't broken off by Close, only by its timeout.
func (r *Redis) sendPipeline(ctx context.Context, s *sealer, items []item) error {
	ctx, cancel := boundedBy(ctx)
	defer cancel()
	pipe := r.client.Pipeline()
	cmds := make([]*redis.IntCmd, len(items))
	for i, it := range items {
		channel := it.to.channel()
		s.seal(channel, it.data)
		cmds[i] = pipe.Publish(ctx, channel, it.data)
	}
	_, err := pipe.Exec(ctx)
	failed := 0
	for _, cmd := range cmds {
		if cmd.Err() != nil {
			failed++
		}
	}
	r.metrics.sent.Add(float64(len(items) - failed))
	if failed > 0 {
		r.metrics.drop(dropPublish, failed)
	}
	return err
}

// boundedBy gives a command its time: commandTimeout, or less where ctx has a nearer deadline. It leaves cancellation out.
func boundedBy(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(commandTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// beat sends this node to itself, every second and at once when a subscription is new, how long ago it began. The receiver compares.
func (r *Redis) beat(ctx context.Context) {
	s := newSealer(r.key)
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.beatNow:
		}
		var body [8]byte
		binary.BigEndian.PutUint64(body[:], uint64(time.Since(r.started)))
		env := blank(r.run, body[:])
		s.seal(r.heartbeat, env)
		bounded, cancel := boundedBy(ctx)
		// A failure needs no other answer than the heartbeat's not coming back.
		if err := r.client.Publish(bounded, r.heartbeat, env).Err(); err != nil {
			r.log.Debug("heartbeat not sent", "error", err)
		}
		cancel()
	}
}
