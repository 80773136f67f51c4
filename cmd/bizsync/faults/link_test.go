package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// link is a node's way to a server, through toxiproxy.
type link struct {
	name  string
	proxy *toxiproxy.Proxy
}

// newLink opens a way to upstream.
func newLink(name, upstream string) (*link, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	l := &link{name, toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)}
	if err := l.heal(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *link) addr() string { return l.proxy.Listen }

// cut closes all connections and takes no new ones.
func (l *link) cut() { l.proxy.Stop() }

// heal takes connections again, after cut.
func (l *link) heal() error {
	if err := l.proxy.Start(); err != nil {
		return fmt.Errorf("open the link %s: %w", l.name, err)
	}
	return nil
}

// swallow takes connections, and all that is sent, and nothing comes out, until clear.
func (l *link) swallow() error {
	return l.add("timeout", map[string]any{"timeout": 0})
}

// slow makes each answer come so much later, until clear.
func (l *link) slow(by time.Duration) error {
	return l.add("latency", map[string]any{"latency": by.Milliseconds()})
}

func (l *link) add(kind string, attributes map[string]any) error {
	for _, stream := range []string{"upstream", "downstream"} {
		if kind == "latency" && stream == "upstream" {
			continue // once a round trip
		}
		b, err := json.Marshal(map[string]any{"name": kind + " " + stream, "type": kind, "stream": stream, "toxicity": 1, "attributes": attributes})
		if err != nil {
			return err
		}
		if _, err := l.proxy.Toxics.AddToxicJson(bytes.NewReader(b)); err != nil {
			return fmt.Errorf("%s on the link %s: %w", kind, l.name, err)
		}
	}
	return nil
}

// clear takes back what swallow and slow did.
func (l *link) clear() { l.proxy.Toxics.ResetToxics(context.Background()) }
