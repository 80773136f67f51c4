package relay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// commandTimeout bounds every dial and every exchange with Redis.
	commandTimeout = time.Second
	// heartbeatEvery and deafAfter: a subscription through which no heartbeat younger than deafAfter has come is given up.
	heartbeatEvery = time.Second
	deafAfter      = 3 * time.Second
)

// Options of a Redis relay.
type Options struct {
	// URL as in ParseURL.
	URL string
	// Secret that all nodes share; the key of the MAC is derived from it.
	Secret []byte
	// Run is this process's random id; all zero: one is made.
	Run [16]byte
	// Handler is told what arrives; Message must be set.
	Handler Handler
	// Logger may be nil: no logs.
	Logger *slog.Logger
	// Metrics may be nil. A value serves one relay.
	Metrics *Metrics
}

// Redis is a relay through Redis Pub/Sub: one channel a document and one a person, to all of which every node subscribes by two patterns, and one for the nodes.
//
// Three goroutines: one sends in pipelines, one sends a heartbeat every second, one receives. The heartbeat comes back through the very subscription that
// carries the messages. That is the only proof that it still hears: a connection that was swallowed on the way gives no error for minutes, and
// one that is far behind gives none at all.
type Redis struct {
	// Set at construction.
	client    redis.UniversalClient
	run       [runSize]byte
	heartbeat string // channel
	key       []byte
	handler   Handler
	log       *slog.Logger
	metrics   *Metrics
	queue     *queue
	started   time.Time
	cancel    context.CancelFunc
	wg        sync.WaitGroup
	closeOnce sync.Once
	closeErr  error

	beatNow chan struct{} // holds one token when a heartbeat should go out at once

	mu        sync.Mutex // guards what follows
	connected bool
	since     time.Time
	roundTrip time.Duration
}

// NewRedis starts a relay; it lives until Close is called or ctx is done. It fails for wrong options only, and not because Redis is away: then it keeps
// trying, at least twice a second.
func NewRedis(ctx context.Context, o Options) (*Redis, error) {
	opt, err := ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	key, err := deriveKey(o.Secret)
	if err != nil {
		return nil, err
	}
	if o.Handler.Message == nil {
		return nil, errors.New("relay: no Handler.Message")
	}
	if o.Run == [runSize]byte{} {
		_, _ = rand.Read(o.Run[:]) // never fails: see crypto/rand
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	configure(opt)
	ctx, cancel := context.WithCancel(ctx)
	now := time.Now()
	o.Metrics.start(now)
	r := &Redis{
		client: redis.NewUniversalClient(opt), run: o.Run, heartbeat: heartbeatPrefix + hex.EncodeToString(o.Run[:]), key: key,
		handler: o.Handler, log: o.Logger, metrics: o.Metrics, queue: newQueue(o.Metrics.queueBytes),
		started: now, cancel: cancel, beatNow: make(chan struct{}, 1), since: now,
	}
	r.wg.Go(func() { r.send(ctx) })
	r.wg.Go(func() { r.beat(ctx) })
	r.wg.Go(func() { r.receive(ctx) })
	return r, nil
}

// configure bounds what the client does in time, size and number. It does not retry: what fails is lost, and found in the log sooner than a retry would bring it.
func configure(opt *redis.UniversalOptions) {
	opt.Protocol = 2 // the dialer asks for it; subscriptions need nothing of 3, and its pushes cost each message a look
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.DisableIdentity = true
	opt.ContextTimeoutEnabled = true
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.PoolTimeout = commandTimeout, commandTimeout, commandTimeout, commandTimeout
	opt.DialerRetries = 1
	opt.MaxRetries = -1
	opt.PoolSize = 3
	opt.PipelinePoolSize = -1
}

// Publish implements Relay.
func (r *Redis) Publish(doc Document, payload []byte) error {
	return r.enqueue(topic{toDocument, doc}, payload)
}

// Notify implements Relay.
func (r *Redis) Notify(user [16]byte, payload []byte) error {
	return r.enqueue(topic{toUser, user}, payload)
}

// Control implements Relay.
func (r *Redis) Control(payload []byte) error {
	return r.enqueue(topic{kind: toNodes}, payload)
}

func (r *Redis) enqueue(to topic, payload []byte) error {
	if len(payload) > MaxPayload {
		return ErrTooLarge
	}
	fits, err := r.queue.push(item{to, blank(r.run, payload)})
	if err != nil {
		return err
	}
	if !fits {
		r.metrics.drop(dropQueue, 1)
	}
	return nil
}

// Health implements Relay.
func (r *Redis) Health() Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Health{
		Connected: r.connected, Since: r.since, Heartbeat: r.metrics.heartbeatAge(), RoundTrip: r.roundTrip, QueuedBytes: r.queue.size(),
	}
}

func (r *Redis) setConnected(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.connected != yes {
		r.connected, r.since = yes, time.Now()
	}
}

// Close implements Relay. With Redis out of reach it takes up to three seconds.
func (r *Redis) Close() error {
	r.closeOnce.Do(func() {
		r.queue.close()
		r.cancel()
		r.wg.Wait()
		if err := r.client.Close(); err != nil {
			r.closeErr = fmt.Errorf("close redis client: %w", err)
		}
	})
	return r.closeErr
}

// LogClient sends what go-redis says by itself (each dial that fails, each new master) to a logger, at debug level, instead of to standard error. It is one
// setting of the whole process: call it once, before the first relay. The relay's own logs say the same once an outage.
func LogClient(log *slog.Logger) { redis.SetLogger(clientLog{log}) }

type clientLog struct{ log *slog.Logger }

func (l clientLog) Printf(ctx context.Context, format string, v ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, fmt.Sprintf(format, v...))
	}
}

// sleep waits, and says whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
