package api

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

const (
	// throttleKeys bounds how many keys a throttle remembers. Beyond it, whoever was not seen for the longest time is forgotten.
	throttleKeys = 50_000
	// throttleLongest bounds for how long a throttle tells somebody to wait.
	throttleLongest = 24 * time.Hour
)

// throttle is a bucket of permissions for each key (an account, an address): burst of them, filled up again at a rate. It may be used concurrently.
type throttle struct {
	rate  float64 // permissions a second
	burst float64
	keys  int

	mu      sync.Mutex
	buckets map[string]*list.Element // of *bucket
	recent  *list.List               // least recently used first
}

type bucket struct {
	key  string
	left float64
	at   time.Time // when left was true
}

func newThrottle(perSecond float64, burst int) *throttle {
	return &throttle{rate: perSecond, burst: float64(burst), keys: throttleKeys, buckets: map[string]*list.Element{}, recent: list.New()}
}

// take uses one permission of a key up. When there is none, wait says after which time there will be.
func (t *throttle) take(key string) (ok bool, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(key)
	if b.left < 1 {
		seconds := min((1-b.left)/t.rate, throttleLongest.Seconds())
		return false, time.Duration(seconds * float64(time.Second))
	}
	b.left--
	return true, 0
}

// give returns a permission that turned out not to be needed.
func (t *throttle) give(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bucket(key)
	b.left = min(b.left+1, t.burst)
}

// bucket finds or makes a key's bucket and fills it up to now.
func (t *throttle) bucket(key string) *bucket {
	now := time.Now()
	if e, ok := t.buckets[key]; ok {
		t.recent.MoveToBack(e)
		b := e.Value.(*bucket)
		b.left, b.at = min(b.left+now.Sub(b.at).Seconds()*t.rate, t.burst), now
		return b
	}
	if len(t.buckets) >= t.keys {
		oldest := t.recent.Front()
		t.recent.Remove(oldest)
		delete(t.buckets, oldest.Value.(*bucket).key)
	}
	b := &bucket{key: key, left: t.burst, at: now}
	t.buckets[key] = t.recent.PushBack(b)
	return b
}

// addressKey is what counts as one address: all of an IPv4 address, the network (/64) of an IPv6 address, since one customer has all of that.
func addressKey(a netip.Addr) string {
	a = plainAddress(a)
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
