// Package redis keeps what every node of a cluster shares and may forget: who is online, in leases that expire by themselves, and sessions, as a
// cache in front of the database. In tests of several nodes in one process Memory does the same.
//
// Nothing here is the only copy of anything that matters. Presence is renewed by the node that has the connections, and is back seconds after
// Redis was emptied; a session that isn't found is looked up in the database.
//
// Redis is trusted with little. Whoever can write in it can fake who is online and hide who is, and can make it useless: it belongs on a private network,
// behind a password. But nobody gets a login or an edit in this way: a cached session is sealed with a key that Redis never sees and bound to
// the hash of its cookie, so that a value that was made up, changed, or moved from another session counts as absent. An old genuine value put back is what
// the database said at its Revision; callers compare that with the database's. No password hash is ever written. Whoever can read in
// Redis learns who is online where, and nothing of sessions but how many there are.
//
// It needs Redis 6.2 or later, alone, under Sentinel or as a Cluster: keys that are used together share a hash slot.
package redis

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// NodeTTL is how long a node's record outlives its last Renew.
	NodeTTL = 4 * time.Second
	// LeaseTTL is how long a lease outlives the last Renew that wrote it.
	LeaseTTL = 15 * time.Second
)

const (
	// exchangeTimeout bounds every exchange with Redis, callTimeout a call that needs several.
	exchangeTimeout = time.Second
	callTimeout     = 3 * time.Second
	// sessionTimeout is shorter: there is the database to ask, and a person waits.
	sessionTimeout = 250 * time.Millisecond
	// sessionRest is for how long sessions are not looked for here after a failure.
	sessionRest = time.Second
	// poolSize is the number of connections to each server.
	poolSize = 16
)

// ErrResting is returned by the session cache, at once, while Redis doesn't answer.
var ErrResting = errors.New("redis didn't answer a moment ago")

// Options of Open.
type Options struct {
	// Client says where Redis is; it is copied. Timeouts, retries and pool size are set by Open.
	Client *goredis.UniversalOptions
	// Secret that all nodes have; the key of the session cache is derived from it.
	Secret []byte
	// Logger may be nil: no logs.
	Logger *slog.Logger
	// Metrics may be nil. A value serves one Shared.
	Metrics *Metrics
}

// Shared is what the nodes share, in Redis. Its methods may be called from any goroutine. They take a second at most while Redis doesn't answer, and
// three where it answers slowly. An error of theirs says that Redis is away or refuses; part of what was to be written may have been.
type Shared struct {
	// Set at construction.
	client  goredis.UniversalClient
	key     []byte
	log     *slog.Logger
	metrics *Metrics
	started time.Time
	forged  sync.Once // the first forgery is logged

	mu       sync.Mutex // guards what follows
	away     bool       // the last exchange about presence failed
	retry    time.Time  // when sessions are looked for here again; zero: at any time
	renewals map[uuid.UUID]*renewal
}

// Open prepares the connection and never waits for Redis, which may be away. It fails for wrong options only.
func Open(o Options) (*Shared, error) {
	if o.Client == nil || len(o.Client.Addrs) == 0 {
		return nil, errors.New("shared state: no address of Redis")
	}
	if len(o.Secret) == 0 {
		return nil, errors.New("shared state: no secret")
	}
	key, err := hkdf.Key(sha256.New, o.Secret, nil, "bizsync session cache 1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the session cache: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	client := goredis.NewUniversalClient(configure(*o.Client))
	o.Metrics.watch(client)
	return &Shared{
		client: client, key: key, log: o.Logger, metrics: o.Metrics, started: time.Now(), renewals: make(map[uuid.UUID]*renewal),
	}, nil
}

// configure bounds what the client does in time and number. It does not retry: presence is renewed every second anyway, and sessions are in the database.
func configure(opt goredis.UniversalOptions) *goredis.UniversalOptions {
	opt.Protocol = 2 // the dialer that bounds what a server announces reads no other
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opt.DisableIdentity = true
	opt.ContextTimeoutEnabled = true
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.PoolTimeout = exchangeTimeout, exchangeTimeout, exchangeTimeout, exchangeTimeout
	opt.DialerRetries = 1
	opt.MaxRetries = -1
	opt.PoolSize = poolSize
	opt.PipelinePoolSize = -1
	return &opt
}

// Close ends all connections; it waits for nobody. What nodes have written is left to expire: see Leave.
func (s *Shared) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close redis client: %w", err)
	}
	return nil
}

// settle keeps account of an exchange that ended with err, and says what was being done. An outage is logged once; what presence meets is what counts, since
// that is renewed every second and given more time. That the caller gave up says nothing of Redis.
func (s *Shared) settle(ctx context.Context, c call, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: %w", c.doing(), err)
	}
	s.mu.Lock()
	changed := !c.ofSession() && s.away != (err != nil)
	if changed {
		s.away = err != nil
	}
	s.retry = time.Time{}
	if err != nil {
		s.retry = time.Now().Add(sessionRest)
	}
	s.mu.Unlock()
	switch {
	case err == nil && changed:
		s.log.Info("Redis answers again")
	case err != nil && changed:
		s.log.Warn("Redis can't be used; who is on other nodes isn't known, and sessions are read from the database", "error", err)
	}
	if err == nil {
		return nil
	}
	s.metrics.failed.WithLabelValues(string(c)).Inc()
	return fmt.Errorf("%s: %w", c.doing(), err)
}

// rested says whether a session may be looked for in Redis. After a failure that is one at a time.
func (s *Shared) rested() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retry.IsZero() {
		return true
	}
	now := time.Now()
	if now.Before(s.retry) {
		return false
	}
	s.retry = now.Add(sessionRest)
	return true
}

// exchange runs commands in one pipeline, for at most limit. That a key is absent is no error.
func (s *Shared) exchange(ctx context.Context, limit time.Duration, commands func(context.Context, goredis.Pipeliner)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pipe := s.client.Pipeline()
	commands(ctx, pipe)
	cmds, err := pipe.Exec(ctx)
	if err == nil || !errors.Is(err, goredis.Nil) {
		return err
	}
	// Exec gives the first error only.
	for _, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
	}
	return nil
}
