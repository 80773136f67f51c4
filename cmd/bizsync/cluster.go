package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/collab/relay"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/redis"
)

// cluster is a node's way to the others, through Redis.
type cluster struct {
	relay  *relay.Redis
	shared *redis.Shared
}

// join connects the hub with those of other nodes; nil without Redis. Redis may be away: it is looked for again and again.
func (c *serveCommand) join(ctx context.Context, hub *collab.Hub, st store.Store, metrics *prometheus.Registry, log *slog.Logger) (*cluster, error) {
	if c.RedisURL == "" {
		return nil, nil
	}
	candidate := make([]byte, 32)
	rand.Read(candidate) // never fails (crypto/rand)
	relay.LogClient(log)
	secret, err := st.Secret(ctx, "relay", candidate)
	if err != nil {
		return nil, fmt.Errorf("read the secret of the nodes: %w", err)
	}
	client, err := relay.ParseURL(c.RedisURL)
	if err != nil {
		return nil, fmt.Errorf("redis-url: %w", err)
	}
	shared, err := redis.Open(redis.Options{Client: client, Secret: secret, Logger: log, Metrics: redis.NewMetrics(metrics)})
	if err != nil {
		return nil, fmt.Errorf("share with the other nodes: %w", err)
	}
	r, err := relay.NewRedis(context.WithoutCancel(ctx), relay.Options{
		URL: c.RedisURL, Secret: secret, Logger: log, Metrics: relay.NewMetrics(metrics),
		Handler: relay.Handler{Message: hub.Relayed, Gap: hub.Missed, Interested: hub.Hosts, Notice: hub.Noticed, Control: hub.Controlled},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("join the other nodes: %w", err), shared.Close())
	}
	hub.Join(r, shared)
	return &cluster{relay: r, shared: shared}, nil
}

// leave parts from the other nodes. It may be called on nil: then there are none.
func (c *cluster) leave() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.relay.Close(), c.shared.Close())
}
