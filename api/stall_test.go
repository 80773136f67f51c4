package api

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// asked sends a request and reads nothing yet.
func asked(t *testing.T, server *httptest.Server, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return c
}

const plainGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// Whoever takes nothing of an answer is given up; whoever takes it slowly gets all of it, however long that lasts.
func TestAnswersThatNobodyTakes(t *testing.T) {
	const stall = 300 * time.Millisecond
	body := bytes.Repeat([]byte("0123456789abcdef"), 2<<20) // 32 MiB, more than the kernel's buffers take
	written := make(chan error, 1)
	server := httptest.NewServer(givesUp(stall)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(body)
		written <- err
	})))
	t.Cleanup(server.Close)

	stopped := asked(t, server, plainGet)
	select {
	case err := <-written:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("written to a reader who stopped: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a reader who stopped is waited for")
	}
	stopped.Close()

	slow := asked(t, server, plainGet)
	began, got, piece := time.Now(), 0, make([]byte, 1<<20)
	reader := bufio.NewReader(slow)
	res, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	pace := time.NewTicker(stall / 8)
	defer pace.Stop()
	for {
		n, err := io.ReadFull(res.Body, piece)
		got += n
		if err != nil {
			break
		}
		<-pace.C
	}
	if took := time.Since(began); got != len(body) || took < 2*stall {
		t.Errorf("%d of %d bytes in %v", got, len(body), took)
	}
	if err := <-written; err != nil {
		t.Errorf("written to a slow reader: %v", err)
	}
}

// Many requests on one connection, longer than the stall time after each other, and such without a body.
func TestDeadlinesEndWithTheirAnswer(t *testing.T) {
	const stall = 50 * time.Millisecond
	server := httptest.NewServer(givesUp(stall)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-time.After(3 * stall) // the work takes longer than that
		}
		if r.URL.Path != "/text" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, "text")
	})))
	t.Cleanup(server.Close)
	c := asked(t, server, "")
	reader := bufio.NewReader(c)
	for _, path := range []string{"/text", "/none", "/slow", "/none", "/text"} {
		<-time.After(3 * stall)
		if _, err := io.WriteString(c, strings.Replace(plainGet, "/", path, 1)); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

// What takes the connection over, or sets deadlines of its own, is left alone.
func TestDeadlinesOfOthers(t *testing.T) {
	const stall = 50 * time.Millisecond
	done := make(chan error, 1)
	server := httptest.NewServer(givesUp(stall)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(&answer{ResponseWriter: w})
		if r.URL.Path == "/taken" {
			c, _, err := control.Hijack()
			if err != nil {
				done <- err
				return
			}
			go func() {
				defer c.Close()
				<-time.After(3 * stall) // the handler has returned
				_, err := io.WriteString(c, "later")
				done <- err
			}()
			return
		}
		if err := control.SetWriteDeadline(time.Time{}); err != nil {
			done <- err
			return
		}
		_, err := w.Write(make([]byte, 32<<20))
		done <- err
	})))
	t.Cleanup(server.Close)
	for _, path := range []string{"/taken", "/own"} {
		c := asked(t, server, strings.Replace(plainGet, "/", path, 1))
		<-time.After(6 * stall)
		if _, err := io.CopyN(io.Discard, c, 5); err != nil {
			t.Errorf("%s: read: %v", path, err)
		}
		go func() { _, _ = io.Copy(io.Discard, c) }()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
