package api

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newThrottle(5/60.0, 5)
		for i := range 5 {
			if ok, _ := b.take("a"); !ok {
				t.Fatalf("attempt %d is refused", i+1)
			}
		}
		ok, wait := b.take("a")
		if ok || wait <= 11*time.Second || wait > 12*time.Second {
			t.Fatalf("the sixth: %v, wait %v", ok, wait)
		}
		if ok, _ := b.take("b"); !ok {
			t.Error("another key is refused")
		}
		time.Sleep(wait - time.Millisecond)
		if ok, _ := b.take("a"); ok {
			t.Error("too early")
		}
		time.Sleep(2 * time.Millisecond)
		if ok, _ := b.take("a"); !ok {
			t.Error("after waiting as told it is refused")
		}
		b.give("a")
		if ok, _ := b.take("a"); !ok {
			t.Error("what was given back can't be taken")
		}
		time.Sleep(time.Hour)
		for range 100 {
			b.give("a")
		}
		for i := range 6 {
			if ok, _ := b.take("a"); ok != (i < 5) {
				t.Errorf("after an hour, attempt %d: %v", i+1, ok)
			}
		}
	})
}

// At the burst the last one is let in, above it none; then as many a second as the rate says, and no more is saved up than the burst.
func TestThrottleAtItsLimits(t *testing.T) {
	for _, tt := range []struct {
		rate  float64
		burst int
	}{{20, 500}, {100, 1000}, {0.5, 1}, {1, 1}, {1e-9, 3}, {1e9, 2}} {
		synctest.Test(t, func(t *testing.T) {
			b := newThrottle(tt.rate, tt.burst)
			taken := func() (n int) {
				for ok := true; ok && n <= tt.burst+1; n++ {
					if ok, _ = b.take("a"); !ok {
						return n
					}
				}
				return n
			}
			if n := taken(); n != tt.burst {
				t.Errorf("%v: %d at once", tt, n)
			}
			_, wait := b.take("a")
			if wait <= 0 || wait > throttleLongest {
				t.Errorf("%v: wait %v", tt, wait)
			}
			if tt.rate < 1e-3 || tt.rate > 1e6 {
				return // less than the clock can tell
			}
			one := time.Duration(float64(time.Second) / tt.rate)
			for _, part := range []struct {
				after time.Duration
				want  int
			}{{one - one/10, 0}, {one/10 + 2, 1}, {3*one + 3, min(3, tt.burst)}, {365 * 24 * time.Hour, tt.burst}} {
				time.Sleep(part.after)
				if n := taken(); n != part.want {
					t.Errorf("%v: %d after another %v, want %d", tt, n, part.after, part.want)
				}
			}
		})
	}
}

// However many keys are made up, memory is bounded, and whoever was seen lately is remembered.
func TestThrottleForgets(t *testing.T) {
	b := newThrottle(0.001, 1)
	b.keys = 100
	b.take("attacker")
	for i := range 1000 {
		b.take(fmt.Sprint(i))
		if i%50 == 0 {
			if ok, _ := b.take("attacker"); ok {
				t.Fatal("forgotten while it was busy")
			}
		}
	}
	if len(b.buckets) != 100 || b.recent.Len() != 100 {
		t.Errorf("%d and %d keys are remembered", len(b.buckets), b.recent.Len())
	}
}

// A storm from half a million networks leaves no more behind than the keys that are remembered.
func TestThrottleInAStorm(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	b := newThrottle(100, 1000)
	address := netip.MustParseAddr("2001:db8::").As16()
	for i := range uint32(500_000) {
		binary.BigEndian.PutUint32(address[4:], i)
		b.take(addressKey(netip.AddrFrom16(address)))
	}
	grown := heap() - before
	if len(b.buckets) != throttleKeys || b.recent.Len() != throttleKeys {
		t.Errorf("%d and %d keys are remembered", len(b.buckets), b.recent.Len())
	}
	if grown > 32<<20 {
		t.Errorf("%d KiB are held", grown>>10)
	}
	t.Logf("%d KiB for %d keys", grown>>10, len(b.buckets))
	runtime.KeepAlive(b)
}

func TestAddressKey(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true}, {"192.0.2.1", "192.0.2.2", false}, {"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true}, {"2001:db8::1", "2001:db8:0:1::1", false},
		{"2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", true}, {"2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::", false},
		{"fe80::1%eth0", "fe80::2%eth1", true}, {"::", "0.0.0.0", false},
	} {
		if same := addressKey(netip.MustParseAddr(tt.a)) == addressKey(netip.MustParseAddr(tt.b)); same != tt.same {
			t.Errorf("%s and %s: %v", tt.a, tt.b, same)
		}
	}
}

// As many hash at once as there are cores; whoever waits for a turn can give up.
func TestPasswordTurns(t *testing.T) {
	p, err := NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"correct horse": true, "battery staple": false} {
		if ok, err := p.matches(t.Context(), password, hash); ok != want || err != nil {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
	for range cap(p.turns) {
		p.turns <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("without a turn: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		q := &Passwords{params: p.params, turns: make(chan struct{})}
		if _, err := q.Hash(t.Context(), "x"); !errors.Is(err, errBusy) {
			t.Errorf("after %v: %v", passwordWait, err)
		}
	})
}
