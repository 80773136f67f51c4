package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// quickly are limits in time that a test can wait for.
func quickly() httpTiming {
	return httpTiming{header: 400 * time.Millisecond, request: 1200 * time.Millisecond, idle: 600 * time.Millisecond}
}

// quick is a whole server with short limits in time, and its first admin's client.
func quick(t *testing.T) (addr string, client *http.Client) {
	t.Helper()
	c, err := serveWith(t, []string{"--addr", "localhost:0", "--data-dir", t.TempDir()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	st, err := c.Storage.open(t.Context(), c.Limit.stored(), log)
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.build(t.Context(), st, log)
	if err != nil {
		t.Fatal(err)
	}
	n.timing = quickly()
	p, _ := invocation(nil, map[string]string{"BIZSYNC_ADMIN_EMAIL": "ann@example.com", "BIZSYNC_ADMIN_PASSWORD": "correct horse"})
	if err := c.firstAdmin(t.Context(), p, st, n.passwords, log); err != nil {
		t.Fatal(err)
	}
	listener, err := listen(t.Context(), c.Addr)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- n.serve(t.Context(), listener, nil) }() // a test's context ends before its clean-up
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client = &http.Client{Jar: jar, Transport: transport}
	addr = listener.Addr().String()
	res, err := client.Post("http://"+addr+"/api/v1/session", "application/json", strings.NewReader(`{"email":"ann@example.com","password":"correct horse"}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	return addr, client
}

// dripping sends text at once and then, until it is told to end, a part again and again. It gives what the server answered, and how long it stood that.
func dripping(t *testing.T, addr, text, part string, every time.Duration) (answer string, took time.Duration) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	if err := c.SetDeadline(began.Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	dripped := make(chan struct{})
	go func() {
		defer close(dripped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for part != "" {
			select {
			case <-ended:
				return
			case <-tick.C:
				if _, err := io.WriteString(c, part); err != nil {
					return // the server has hung up
				}
			}
		}
	}()
	b, err := io.ReadAll(c)
	took = time.Since(began)
	close(ended)
	<-dripped
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection is still open after %v", took)
	}
	return string(b), took
}

// Whoever connects and dawdles is hung up on, however lively the dawdling looks.
func TestSlowRequests(t *testing.T) {
	addr, _ := quick(t)
	timing := quickly()
	const drip = 50 * time.Millisecond
	for _, tt := range []struct {
		name, text, part string
		answer           string // begins with this; "" for none, or that this was no request
		least, most      time.Duration
	}{
		{"says nothing", "", "", "", timing.header, 0},
		{"half a first line", "GET /healthz", "", "", timing.header, 0},
		{"a header without end", "GET /healthz HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n", "", timing.header, 0},
		{"a header of one long line", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", "b", "", timing.header, 0},
		{"an upgrade without end", "GET /collab/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", "X-A: b\r\n", "", timing.header, 0},
		{"nothing more after an answer", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "", "HTTP/1.1 200", timing.idle, 0},
		{"half a second request", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /", "", "HTTP/1.1 200", timing.header, 0},
		{"a body that nobody reads", "POST /nothing/here HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "x", "HTTP/1.1 404", 0, 0},
		{"a body that drips in", "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{", " ", "HTTP/1.1 408", 0, 8 * time.Second},
		{"a body in chunks that drips in", "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", "HTTP/1.1 408", 0, 8 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer, took := dripping(t, addr, tt.text, tt.part, drip)
			if !strings.HasPrefix(answer, tt.answer) || tt.answer == "" && answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 400") {
				t.Errorf("answered with %.60q, want %q", answer, tt.answer)
			}
			most := tt.most
			if most == 0 {
				most = timing.request + 3*time.Second // the machine may be busy
			}
			if took < tt.least-drip || took > most {
				t.Errorf("it took %v, want %v to %v", took, tt.least, most)
			}
			t.Logf("after %v: %.30q", took, answer)
		})
	}
}

func TestHeaderBytes(t *testing.T) {
	addr, _ := quick(t)
	const line = 4 << 10 // the standard library's allowance beside the limit
	for _, tt := range []struct {
		name  string
		bytes int
		want  int
	}{{"below", maxHeaderBytes / 2, 200}, {"at", maxHeaderBytes, 200}, {"above", maxHeaderBytes + line + 1, 431}, {"far above", 100 * maxHeaderBytes, 431}} {
		const rest = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: \r\n\r\n"
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, strings.Replace(rest, "X-A: ", "X-A: "+strings.Repeat("a", tt.bytes-len(rest)), 1)) // it may hang up in the middle
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		res.Body.Close()
		c.Close()
		if res.StatusCode != tt.want {
			t.Errorf("%s the limit: %s, want %d", tt.name, res.Status, tt.want)
		}
	}
}

// The limits are for requests: sockets and event streams live through all of them, and hear what happens.
func TestWhatLivesLong(t *testing.T) {
	addr, client := quick(t)
	url := "http://" + addr
	body, err := json.Marshal(map[string]string{"title": "Plans", "key": "plans"})
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Post(url+"/api/v1/documents", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	lines := make(chan string)
	go func() {
		defer close(lines)
		stream, err := client.Get(url + "/api/v1/admin/events")
		if err != nil {
			return
		}
		defer stream.Body.Close()
		for scan := bufio.NewScanner(stream.Body); scan.Scan(); {
			select {
			case lines <- scan.Text():
			case <-t.Context().Done():
				return
			}
		}
	}()
	event := func(name string) {
		t.Helper()
		for {
			select {
			case line, open := <-lines:
				if !open {
					t.Fatalf("the stream ended before %s", name)
				}
				if line == "event: "+name {
					return
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("no %s", name)
			}
		}
	}
	event("snapshot")
	dial := func() *websocket.Conn {
		t.Helper()
		ws, _, err := websocket.Dial(t.Context(), url+"/collab/plans", &websocket.DialOptions{HTTPClient: client, HTTPHeader: http.Header{"Origin": {url}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ws.CloseNow() })
		return ws
	}
	ws := dial()
	event("join")

	timing := quickly()
	<-time.After(2 * max(timing.header, timing.request, timing.idle)) // that much time has to pass

	dial()
	event("join")
	if err := ws.Write(t.Context(), websocket.MessageBinary, []byte{0, 0, 1, 0}); err != nil {
		t.Fatal(err)
	}
	for {
		_, b, err := ws.Read(t.Context())
		if err != nil {
			t.Fatalf("the socket: %v", err)
		}
		if len(b) > 1 && b[0] == 0 && b[1] == 1 {
			return // the answer to our step 1
		}
	}
}

// The periods that operators can count on.
func TestHTTPTiming(t *testing.T) {
	n := &node{timing: defaultHTTPTiming(), log: slog.New(slog.DiscardHandler)}
	s := n.httpServer(http.NotFoundHandler())
	if got, want := fmt.Sprint(s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout, s.MaxHeaderBytes), "10s 1m0s 2m0s 65536"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
