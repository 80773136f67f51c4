package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Pauses between two subscriptions, doubled while none succeeds.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 500 * time.Millisecond
)

// errDeaf ends a subscription through which no recent heartbeat came.
var errDeaf = fmt.Errorf("no heartbeat of the last %v came back", deafAfter)

// receive makes one subscription after the other; it owns all calls to the handler.
func (r *Redis) receive(ctx context.Context) {
	s := newSealer(r.key)
	pause, failures := retryFirst, 0
	for {
		confirmed, err := r.subscription(ctx, s)
		r.setConnected(false)
		if ctx.Err() != nil {
			return
		}
		r.metrics.reconnects.Inc()
		if confirmed {
			pause, failures = retryFirst, 0
			r.log.Warn("lost the subscription to Redis; subscribing again", "error", err)
		} else {
			if failures == 0 {
				r.log.Warn("can't subscribe to Redis; trying on", "error", err)
			}
			failures++
		}
		if confirmed && errors.Is(err, errDeaf) {
			r.gap() // it may be a while until the next subscription, and three seconds have passed already
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, retryMost)
	}
}

// subscription subscribes and receives until an error, on a connection of its own. It says whether the subscription was ever confirmed.
//
// After an error nothing more is read: the client would reconnect by itself, but silently, and after a timeout inside a message it would read on in
// the middle of it.
func (r *Redis) subscription(ctx context.Context, s *sealer) (confirmed bool, err error) {
	ps := r.client.Subscribe(ctx) // connects with the first channel
	closed := make(chan struct{})
	// Reading heeds deadlines only; closing is what wakes it.
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = ps.Close()
	})
	defer func() {
		if !stop() {
			<-closed
		}
		_ = ps.Close() // its error says that it is closed already
	}()

	heard := time.Since(r.started) // when the newest heartbeat that came back was sent
	opening, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	if err := ps.PSubscribe(opening, documentPrefix+"*", noticePrefix+"*"); err != nil {
		return false, fmt.Errorf("subscribe to documents and notices: %w", err)
	}
	if err := ps.Subscribe(opening, controlChannel, r.heartbeat); err != nil {
		return false, fmt.Errorf("subscribe to control and heartbeat: %w", err)
	}
	for {
		left := heard + deafAfter - time.Since(r.started)
		if left <= 0 {
			return confirmed, errDeaf
		}
		got, err := ps.ReceiveTimeout(ctx, left)
		if err != nil {
			if heard+deafAfter <= time.Since(r.started) {
				err = errDeaf
			}
			return confirmed, err
		}
		switch got := got.(type) {
		case *redis.Subscription:
			// Redis answers in the order asked, so all the others are confirmed too.
			if got.Channel != r.heartbeat || confirmed {
				continue
			}
			confirmed = true
			r.log.Info("subscribed to Redis")
			select {
			case r.beatNow <- struct{}{}:
			default:
			}
			r.gap()
		case *redis.Message:
			if got.Channel == r.heartbeat {
				heard = r.heardBeat(s, got.Payload, heard)
			} else {
				r.message(s, got.Channel, got.Payload)
			}
		}
	}
}

// heardBeat checks a heartbeat and returns when the newest was sent.
func (r *Redis) heardBeat(s *sealer, env string, heard time.Duration) time.Duration {
	now := time.Since(r.started)
	switch reason := inspect(env); {
	case reason != "":
		r.metrics.drop(reason, 1)
		return heard
	case len(env) != headerSize+8:
		r.metrics.drop(dropHeartbeat, 1)
		return heard
	case !s.genuine(r.heartbeat, []byte(env)):
		r.metrics.drop(dropMAC, 1)
		return heard
	}
	sent := time.Duration(binary.BigEndian.Uint64([]byte(env[headerSize:])))
	if sent <= heard || sent > now {
		// A repeated one, or one sent before this subscription began.
		r.metrics.drop(dropHeartbeat, 1)
		return heard
	}
	r.metrics.heartbeat(time.Now(), now-sent)
	r.setConnected(true) // only now is it known that both ways are open
	r.mu.Lock()
	r.roundTrip = now - sent
	r.mu.Unlock()
	return sent
}

// message checks what came and tells the handler, the cheapest questions first: most messages are the node's own, or of documents that it doesn't host.
func (r *Redis) message(s *sealer, channel, env string) {
	about, ok := parseChannel(channel)
	if !ok {
		r.metrics.drop(dropChannel, 1)
		return
	}
	if reason := inspect(env); reason != "" {
		r.metrics.drop(reason, 1)
		return
	}
	if env[1:macAt] == string(r.run[:]) {
		r.metrics.own.Inc()
		return
	}
	if !r.handler.interested(about) {
		r.metrics.unhosted.Inc()
		return
	}
	buf := []byte(env)
	if !s.genuine(channel, buf) {
		r.metrics.drop(dropMAC, 1)
		return
	}
	r.metrics.received.Inc()
	r.handler.tell(about, buf[headerSize:])
}

func (r *Redis) gap() {
	r.metrics.gaps.Inc()
	if r.handler.Gap != nil {
		r.handler.Gap()
	}
}
