package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab"
)

// The environment of a process that is a crowd of clients: so its memory is not the server's.
const (
	crowdAddress = "BIZSYNC_TEST_CROWD_ADDRESS"
	crowdSize    = 2000
)

// beCrowd opens sockets, says so on standard output, and waits for the end of standard input.
func beCrowd(address string) int {
	var open []net.Conn
	for range crowdSize {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_, err = io.WriteString(c, "GET /collab HTTP/1.1\r\nHost: "+address+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
				"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nUser-Agent: "+strings.Repeat("x", 500)+"\r\n\r\n")
		}
		if err == nil {
			var res *http.Response
			if res, err = http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				res.Body.Close()
				if res.StatusCode != http.StatusSwitchingProtocols {
					err = fmt.Errorf("status %d", res.StatusCode)
				}
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		open = append(open, c)
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, c := range open {
		c.Close()
	}
	return 0
}

// footprint is what the process holds after everything was collected, in bytes: what Go has in use, and what is resident.
func footprint(t *testing.T) (used, resident int64) {
	t.Helper()
	for range 3 { // pools let go of what they hold after two
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return int64(m.HeapAlloc + m.StackInuse), 0 // another system
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int64(m.HeapAlloc + m.StackInuse), pages * int64(os.Getpagesize())
}

// reads reads a connection to its end like the server does: when it is quiet, another goroutine goes on.
func (c *conn) reads(done func()) {
	for {
		if _, err := c.Read(); errors.Is(err, collab.ErrQuiet) {
			go func() {
				c.await()
				c.reads(done)
			}()
			return
		} else if err != nil {
			c.finish()
			done()
			return
		}
	}
}

// A connection that says nothing costs 4 KiB at most, its goroutine included.
func TestIdleFootprint(t *testing.T) {
	node := testSockets(t, 16<<20, defaultConnTiming())
	var opened, ended sync.WaitGroup
	opened.Add(crowdSize)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up, err := upgrade(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		c := node.add(up.conn, up.ahead)
		c.rests = true
		ended.Add(1)
		opened.Done()
		go c.reads(ended.Done)
	}))
	defer server.Close()
	used, resident := footprint(t)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	crowd := exec.CommandContext(ctx, os.Args[0])
	crowd.Env = append(os.Environ(), crowdAddress+"="+server.Listener.Addr().String())
	crowd.Stderr = os.Stderr
	stdin, err := crowd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := crowd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := crowd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "open\n" {
		t.Fatalf("the crowd said %q, %v", line, err)
	}
	opened.Wait()
	usedBy, residentBy := footprint(t)
	if n := runtime.NumGoroutine(); n < crowdSize {
		t.Fatalf("there are only %d goroutines: connections have ended", n)
	}
	each := (usedBy - used) / crowdSize
	t.Logf("%d connections: %d bytes each in use, %d resident", crowdSize, each, (residentBy-resident)/crowdSize)
	if limit := int64(4 << 10); each > limit && !raceEnabled {
		t.Errorf("a connection costs %d bytes, want at most %d", each, limit)
	}
	stdin.Close()
	if err := crowd.Wait(); err != nil {
		t.Error(err)
	}
	ended.Wait()
}

// The watch is there while there are connections, and another one when some come again.
func TestWatchComesAndGoes(t *testing.T) {
	timing := quick()
	var work sync.WaitGroup
	node := newSockets(1<<20, timing, &work)
	for range 3 {
		ours, theirs := net.Pipe()
		c := node.add(ours, nil)
		other, _ := net.Pipe()
		d := node.add(other, nil)
		pinged := make([]byte, 2)
		if _, err := io.ReadFull(theirs, pinged); err != nil || pinged[0] != finalBit|opPing {
			t.Fatalf("% x, %v", pinged, err)
		}
		theirs.Close()
		c.finish()
		other.Close()
		d.finish()
		work.Wait()
		if node.stop != nil || len(node.open) != 0 {
			t.Error("something is left")
		}
	}
}

// A client that doesn't answer a close is cut after the grace period, while one that goes on sending is read until then, and what it sends is thrown away.
func TestCloseUnanswered(t *testing.T) {
	for _, talks := range []bool{false, true} {
		timing := quick()
		server, _, raw := connPair(t, testSockets(t, 1<<20, timing))
		if talks {
			go func() {
				frame := clientFrame(opBinary, true, make([]byte, 10_000))
				for {
					if _, err := raw.Write(frame); err != nil {
						return
					}
				}
			}()
		}
		server.Close(collab.CloseForbidden, "no")
		began := time.Now()
		if _, err := server.Read(); err == nil {
			t.Error("read after Close")
		}
		if took := time.Since(began); took > timing.grace/2 {
			t.Errorf("Read ended after %v", took)
		}
		server.lingering()
		if took := time.Since(began); took < timing.grace/2 || took > 10*timing.grace {
			t.Errorf("talking %v: cut after %v", talks, took)
		}
	}
}
