package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// A node that is played publishes as many messages as nodes do, of many documents, as Redis reads them.
func TestOtherNode(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	channels := map[string]int{}
	var redis sync.WaitGroup
	redis.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for commands := bufio.NewReader(conn); ; {
			name, channel, message := "", "", make([]byte, relayedBytes)
			if _, err := fmt.Fscanf(commands, "*3\r\n$7\r\n%s\r\n$45\r\n%s\r\n$200\r\n", &name, &channel); err != nil {
				return // it has ended
			}
			if _, err := io.ReadFull(commands, message); err != nil || name != "PUBLISH" || message[0] != relayVersion {
				t.Errorf("%s of %d: %v", name, message[0], err)
			}
			if _, err := fmt.Fscanf(commands, "\r\n"); err != nil {
				t.Error(err)
			}
			channels[channel]++
			if _, err := io.WriteString(conn, ":1\r\n"); err != nil {
				t.Error(err)
			}
		}
	})
	sent, err := otherNode(t.Context(), l.Addr().String(), clock{time.Now()}, 5*time.Millisecond, 300*time.Millisecond, 20)
	if err != nil {
		t.Fatal(err)
	}
	redis.Wait()
	// 30 commits of 20 documents, of which there are 500.
	if sent != 600 || len(channels) != elsewhere {
		t.Errorf("%d messages of %d documents", sent, len(channels))
	}
	for channel := range channels {
		if id, ok := strings.CutPrefix(channel, "document:"); !ok || uuid.Validate(id) != nil {
			t.Errorf("published at %q", channel)
		}
	}
}

// What Redis takes for a message to somebody else, or to nobody, is an error: nothing would be measured.
func TestOtherNodeWithoutANode(t *testing.T) {
	redis, err := lab.StartRedis(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := redis.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := otherNode(t.Context(), redis.Addr(), clock{time.Now()}, 0, time.Second, 1); err == nil || !strings.Contains(err.Error(), "should hear it") {
		t.Errorf("nobody hears, and it says %v", err)
	}
}
