package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// healthcheckTime is what a server has for its answer: more than the 2 s that it gives its database.
	healthcheckTime = 4 * time.Second
	// healthcheckBytes bounds how much of the answer is shown.
	healthcheckBytes = 1024
)

// healthcheckCommand asks a server whether requests should be sent to it. It is what an image without a shell checks itself with.
type healthcheckCommand struct {
	Addr string `default:"localhost:8080" placeholder:"HOST:PORT" help:"Address that the server listens on, on this machine."`
	URL  string `placeholder:"URL" help:"Base URL of a server elsewhere, or of a load balancer, instead of an address."`
}

// Validate is called by kong.
func (c *healthcheckCommand) Validate() error {
	if c.URL != "" {
		if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("url: %q should look like http://localhost:8080", c.URL)
		}
		return nil
	}
	_, port, err := net.SplitHostPort(c.Addr)
	if err != nil || port == "" || port == "0" {
		return fmt.Errorf("addr: %q should look like localhost:8080", c.Addr)
	}
	return nil
}

// target is the URL to ask.
func (c *healthcheckCommand) target() string {
	base := strings.TrimSuffix(c.URL, "/")
	if base == "" {
		host, port, _ := net.SplitHostPort(c.Addr) // checked with the settings
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "localhost" // whoever listens on all addresses listens there
		}
		base = "http://" + net.JoinHostPort(host, port)
	}
	return base + "/readyz"
}

// run prints the answer; an answer other than 200 is an error.
func (c *healthcheckCommand) run(ctx context.Context, p process) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.target(), nil)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	// No proxy of the environment: what it could tell is how the proxy feels.
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("healthcheck: %s: %w", c.target(), err)
	}
	body, readErr := io.ReadAll(io.LimitReader(res.Body, healthcheckBytes))
	if err := errors.Join(readErr, res.Body.Close()); err != nil {
		return fmt.Errorf("healthcheck: %s: %w", c.target(), err)
	}
	said := strings.TrimSpace(string(body))
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("healthcheck: %s: %s %s", c.target(), res.Status, said)
	}
	_, err = fmt.Fprintln(p.stdout, said)
	return err
}
