package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/bizsync/bizsync/api"
	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/web"
)

const (
	// stopTime bounds an orderly end; the process is gone within 10 s of a signal.
	stopTime = 9 * time.Second
	// commitTime is the part of it in which what was accepted is committed.
	commitTime = 6 * time.Second
	// balancerTime is how long a node among others answers after /readyz has said that it stops.
	balancerTime = 500 * time.Millisecond
	// housekeepingPeriod is how often what has expired is removed, at most housekeepingRows at once.
	housekeepingPeriod = time.Minute
	housekeepingRows   = 1000
)

// run serves until ctx is done.
func (c *serveCommand) run(ctx context.Context, p process) (err error) {
	tuning, tuned := context.WithCancel(ctx)
	var tuner sync.WaitGroup
	tuner.Go(func() { tuneMemory(tuning, p.env) })
	defer tuner.Wait()
	defer tuned()
	log := c.logger(p.stderr)
	listener, err := listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	var adminListener net.Listener
	if c.AdminAddr != "" {
		if adminListener, err = listen(ctx, c.AdminAddr); err != nil {
			return fmt.Errorf("admin address: %w", err)
		}
		defer adminListener.Close()
	}
	st, err := c.Storage.open(ctx, c.Limit.stored(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()

	n, err := c.build(ctx, st, log)
	if err != nil {
		return err
	}
	base := c.base(listener.Addr())
	if err := c.firstAdmin(ctx, p, st, n.passwords, log); err != nil {
		return errors.Join(err, n.hub.Stop(ctx), n.cluster.leave())
	}
	link, err := api.SetupLink(ctx, st, base)
	if err != nil {
		return errors.Join(err, n.hub.Stop(ctx), n.cluster.leave())
	}
	fmt.Fprintf(p.stdout, "listening on http://%s\nBizSync is at %s\n", listener.Addr(), base)
	if link != "" {
		fmt.Fprintf(p.stdout, "Create the first account at %s\n", link)
	}
	return n.serve(ctx, listener, adminListener)
}

// listen makes a busy port's error one that says so.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("can't listen on %s: %w", addr, err)
	}
	return l, nil
}

// base is the URL to print: the public one, or else what was asked to listen on, with the real port.
func (c *serveCommand) base(addr net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	host, _, _ := net.SplitHostPort(c.Addr) // checked with the settings
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(addr.String()) // of a TCP listener
	return "http://" + net.JoinHostPort(host, port)
}

// node is what one process runs.
type node struct {
	store     store.Store
	hub       *collab.Hub
	cluster   *cluster // nil: one node
	api       *api.Server
	passwords *api.Passwords
	metrics   *prometheus.Registry
	timing    httpTiming
	retention time.Duration // of the audit log; 0: for ever
	log       *slog.Logger
}

// build wires a node. When it fails, nothing of it runs.
func (c *serveCommand) build(ctx context.Context, st store.Store, log *slog.Logger) (*node, error) {
	secret := []byte(c.Secret)
	if len(secret) == 0 {
		candidate := make([]byte, 32)
		rand.Read(candidate) // never fails (crypto/rand)
		var err error
		if secret, err = st.Secret(ctx, "collaboration-tokens", candidate); err != nil {
			return nil, fmt.Errorf("read the installation's secret: %w", err)
		}
	}
	passwords, err := api.NewPasswords()
	if err != nil {
		return nil, err
	}
	name := c.NodeName
	if name == "" {
		if name, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("name of this node: %w", err)
		}
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registerStore(metrics, st)
	hub := collab.NewHub(collab.Options{
		Store: st, Logger: log, Metrics: collab.NewMetrics(metrics), Limits: c.Limit.rooms(), TrustClientIDs: c.ClientIDs == "uploader",
		Stateless: c.Stateless, Node: name, Version: version(),
	})
	others, err := c.join(ctx, hub, st, metrics, log)
	if err != nil {
		return nil, errors.Join(err, hub.Stop(ctx))
	}
	var connected func() bool
	var sessions api.SessionCache // an interface that is nil without Redis
	if others != nil {
		connected = func() bool {
			_, whole := hub.Nodes()
			return whole && others.relay.Health().Connected
		}
		sessions = others.shared
	}
	database := "sqlite"
	if c.Storage.Database.URL != "" {
		database = "postgres"
	}
	server, err := api.New(api.Options{
		Database: database, Redis: connected, Sessions: sessions,
		Store: st, Hub: hub, Passwords: passwords, Secret: secret, Web: web.Files(), Logger: log, Metrics: metrics,
		PublicURL: c.PublicURL, AllowedOrigins: c.AllowedOrigins, TrustedProxies: c.TrustedProxies,
		FrameBytes: c.Limit.FrameBytes, Attempts: c.Limit.attempts(),
	})
	if err != nil {
		return nil, errors.Join(err, hub.Stop(ctx), others.leave())
	}
	return &node{store: st, hub: hub, cluster: others, api: server, passwords: passwords, metrics: metrics, timing: defaultHTTPTiming(), retention: c.AuditRetention, log: log}, nil
}

// firstAdmin creates the first account from the environment, when both variables are there and no account is.
func (c *serveCommand) firstAdmin(ctx context.Context, p process, st store.Store, passwords *api.Passwords, log *slog.Logger) error {
	email, _ := p.env("BIZSYNC_ADMIN_EMAIL")
	password, _ := p.env("BIZSYNC_ADMIN_PASSWORD")
	if email == "" && password == "" {
		return nil
	}
	if email == "" || password == "" {
		return errors.New("BIZSYNC_ADMIN_EMAIL and BIZSYNC_ADMIN_PASSWORD: set both or none")
	}
	has, err := st.HasUsers(ctx)
	if err != nil {
		return fmt.Errorf("look for accounts: %w", err)
	}
	if has {
		return nil
	}
	user, err := newUser(ctx, passwords, email, "", store.RoleAdmin, password)
	if err != nil {
		return fmt.Errorf("BIZSYNC_ADMIN_EMAIL and BIZSYNC_ADMIN_PASSWORD: %w", err)
	}
	if _, err := st.CreateFirstAdmin(ctx, user); errors.Is(err, store.ErrSetupDone) {
		return nil
	} else if err != nil {
		return fmt.Errorf("create the first admin: %w", err)
	}
	log.InfoContext(ctx, "first admin created from the environment", "email", user.Email)
	return nil
}

// serve answers until ctx is done or a listener fails, and then ends everything in order.
func (n *node) serve(ctx context.Context, listener, adminListener net.Listener) error {
	servers := map[*http.Server]net.Listener{n.httpServer(n.api): listener}
	if adminListener != nil {
		servers[n.httpServer(api.NewAdmin(n.metrics))] = adminListener
		n.log.InfoContext(ctx, "admin address", "url", "http://"+adminListener.Addr().String())
	}
	failed := make(chan error, len(servers))
	var serving, housekeeping sync.WaitGroup
	for server, l := range servers {
		serving.Go(func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	work, endWork := context.WithCancel(context.WithoutCancel(ctx))
	housekeeping.Go(func() { n.keepHouse(work) })

	var err error
	select {
	case <-ctx.Done():
		n.log.InfoContext(ctx, "stopping")
	case err = <-failed:
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	commit, cancelCommit := context.WithTimeout(stop, commitTime)
	defer cancelCommit()
	// A balancer needs a moment to see that this node is going; until then it is answered.
	var balanced <-chan time.Time
	if n.cluster != nil {
		balanced = time.After(balancerTime)
	}
	n.api.BeginStop()
	err = errors.Join(err, n.hub.Stop(commit), n.api.Wait(stop), n.cluster.leave())
	if balanced != nil {
		<-balanced
	}
	for server := range servers {
		// Requests that last longer than the time to stop are cut.
		if shutdown := server.Shutdown(stop); shutdown != nil {
			err = errors.Join(err, server.Close())
		}
	}
	serving.Wait()
	endWork()
	housekeeping.Wait()
	n.log.InfoContext(ctx, "stopped")
	return err
}

// sweepAudit removes entries of the audit log that have had their time. Days are whole ones, so that the log says no more than once a day from when on it is kept.
func (n *node) sweepAudit(ctx context.Context, limit int) (int, error) {
	if n.retention == 0 {
		return 0, nil
	}
	return n.store.SweepAudit(ctx, time.Now().Add(-n.retention).UTC().Truncate(day), limit)
}

// keepHouse removes what has expired, until ctx is done.
func (n *node) keepHouse(ctx context.Context) {
	tick := time.NewTicker(housekeepingPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, sweep := range []struct {
			what string
			some func(ctx context.Context, limit int) (int, error)
		}{
			{"expired sessions", n.store.DeleteExpiredSessions},
			{"replies to requests of yesterday", n.store.SweepRequests},
			{"what was in the trash for long", n.store.SweepTrash},
			{"old entries of the audit log", n.sweepAudit},
		} {
			for {
				removed, err := sweep.some(ctx, housekeepingRows)
				if err != nil && ctx.Err() == nil {
					n.log.WarnContext(ctx, sweep.what+" could not be removed", "error", err)
				}
				if err != nil || removed < housekeepingRows {
					break
				}
			}
		}
	}
}
