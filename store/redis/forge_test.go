package redis

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/bizsync/bizsync/store"
)

// TestForgedSessions is somebody who can write in Redis and wants to be logged in.
func TestForgedSessions(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s, attacker := openShared(t, srv.url()), srv.client(t)
	victim, mine := [32]byte{1}, [32]byte{2}
	w := world{T: t, a: s, b: s}
	w.ok(s.CacheSession(t.Context(), victim, newSession(), time.Minute))
	w.ok(s.CacheSession(t.Context(), mine, newSession(), time.Minute))
	genuine, err := attacker.Get(t.Context(), sessionKey(victim)).Bytes()
	w.ok(err)
	own, err := json.Marshal(newSession())
	w.ok(err)
	foreign, err := seal(bytes.Repeat([]byte{7}, 32), mine, newSession())
	w.ok(err)
	flipped := func(at int) []byte {
		b := bytes.Clone(genuine)
		b[at] ^= 1
		return b
	}
	forged := 0
	try := func(what string, hash [32]byte, value []byte) {
		t.Helper()
		w.ok(attacker.Set(t.Context(), sessionKey(hash), value, 0).Err())
		w.noSession(s, hash)
		forged++
		if got := int(valueOf(t, s.metrics.sessions.WithLabelValues(sessionForged))); got != forged {
			t.Errorf("%s: %d counted as forged, want %d", what, got, forged)
		}
	}
	try("another's", mine, genuine)
	try("in the clear", mine, own)
	try("under another key", mine, foreign)
	try("empty", mine, nil)
	try("another version", victim, append([]byte{sealVersion + 1}, genuine[1:]...))
	try("nonce changed", victim, flipped(1))
	try("text changed", victim, flipped(20))
	try("tag changed", victim, flipped(len(genuine)-1))
	try("cut", victim, genuine[:len(genuine)-1])
	try("cut to the version", victim, genuine[:1])
	try("longer", victim, append(bytes.Clone(genuine), 0))
	try("large", victim, make([]byte, maxSealed+1))
	// The genuine value back in its place is what the database said at its revision, no more.
	w.ok(attacker.Set(t.Context(), sessionKey(victim), genuine, 0).Err())
	if c, ok, err := s.CachedSession(t.Context(), victim, time.Minute); err != nil || !ok || c.Revision != 9 {
		t.Errorf("the genuine value: %+v, there: %v, %v", c, ok, err)
	}
	// Nor is a value of another kind an obstacle for long.
	w.ok(attacker.Del(t.Context(), sessionKey(mine)).Err())
	w.ok(attacker.LPush(t.Context(), sessionKey(mine), "x").Err())
	if _, ok, err := s.CachedSession(t.Context(), mine, time.Minute); ok || err == nil {
		t.Errorf("a list: there: %v, %v; want an error", ok, err)
	}
	poll(t, "a session again", 5*time.Second, func() bool {
		return s.CacheSession(t.Context(), mine, newSession(), time.Minute) == nil
	})
	// More than the client reads of one reply.
	w.ok(attacker.Set(t.Context(), sessionKey(mine), make([]byte, 2<<20), 0).Err())
	if _, ok, err := s.CachedSession(t.Context(), mine, time.Minute); ok || err == nil {
		t.Errorf("2 MiB: there: %v, %v; want an error", ok, err)
	}
}

func TestEveryFlippedBitIsForgery(t *testing.T) {
	key, hash := bytes.Repeat([]byte{1}, 32), [32]byte{2}
	value, err := seal(key, hash, newSession())
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(value) * 8 {
		value[bit/8] ^= 1 << (bit % 8)
		if _, ok := open(key, hash, value); ok {
			t.Errorf("opened with bit %d flipped", bit)
		}
		value[bit/8] ^= 1 << (bit % 8)
	}
	for bit := range 256 {
		hash[bit/8] ^= 1 << (bit % 8)
		if _, ok := open(key, hash, value); ok {
			t.Errorf("opened for a token hash with bit %d flipped", bit)
		}
		hash[bit/8] ^= 1 << (bit % 8)
	}
	if _, ok := open(key, hash, value); !ok {
		t.Error("the value itself does not open")
	}
	again, err := seal(key, hash, newSession())
	if err != nil || bytes.Equal(again[:13], value[:13]) {
		t.Errorf("a nonce came twice (%v)", err)
	}
}

// FuzzOpen changes a genuine value. Its nonce is random, so that what is fuzzed is the change.
func FuzzOpen(f *testing.F) {
	key, hash := bytes.Repeat([]byte{1}, 32), [32]byte{2}
	value, err := seal(key, hash, newSession())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), []byte{sealVersion})
	f.Add(uint16(0), []byte{sealVersion + 1})
	f.Add(uint16(len(value)), []byte{0})
	f.Fuzz(func(t *testing.T, at uint16, over []byte) {
		front := value[:min(int(at), len(value))]
		changed := append(bytes.Clone(front), over...)
		if len(changed) < len(value) {
			changed = append(changed, value[len(changed):]...)
		}
		if _, ok := open(key, hash, changed); ok != bytes.Equal(changed, value) {
			t.Errorf("with %x at %d: opened %v", over, at, ok)
		}
		if _, ok := open(key, hash, over); ok && !bytes.Equal(over, value) {
			t.Errorf("%x opened", over)
		}
	})
}

// TestSealKeepsEveryField holds that what the store adds to sessions and users is sealed too, all but the hash of the password.
func TestSealKeepsEveryField(t *testing.T) {
	var want store.CachedSession
	fill(t, reflect.ValueOf(&want).Elem())
	value, err := seal(make([]byte, 32), [32]byte{}, want)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := open(make([]byte, 32), [32]byte{}, value)
	want.User.PasswordHash = ""
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("opened: %v (-want +got):\n%s", ok, diff)
	}
}

// fill gives every field a value that is not zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000, 123456789).UTC()))
		return
	case uuid.UUID:
		v.Set(reflect.ValueOf(uuid.New()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64:
		v.SetUint(math.MaxUint64)
	default:
		t.Fatalf("no value for %s", v.Type())
	}
}

func TestSessionsAreUnreadable(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s := openShared(t, srv.url())
	w := world{T: t, a: s, b: s}
	hash, c := [32]byte{1}, newSession()
	w.ok(s.CacheSession(t.Context(), hash, c, time.Minute))
	value, err := srv.client(t).Get(t.Context(), sessionKey(hash)).Result()
	w.ok(err)
	for _, secret := range []string{c.User.PasswordHash, c.User.Email, c.Session.Address, c.Session.ID.String()} {
		if strings.Contains(value, secret) {
			t.Errorf("%q can be read in Redis", secret)
		}
	}
	plain := unseal(t, s.key, hash, []byte(value))
	if strings.Contains(plain, "hush") || !strings.Contains(plain, c.User.Email) {
		t.Errorf("sealed: %s", plain)
	}
	c.User.Name = strings.Repeat("x", maxSealed)
	if err := s.CacheSession(t.Context(), hash, c, time.Minute); err == nil {
		t.Error("a session was sealed that is too large to be opened")
	}
}

func unseal(t *testing.T, key []byte, hash [32]byte, value []byte) string {
	t.Helper()
	aead, err := sealing(key, hash)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, nil, value[1:], value[:1])
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// TestForgedPresence is somebody who writes nonsense: it is counted, and hides nobody else.
func TestForgedPresence(t *testing.T) {
	t.Parallel()
	srv := startRedis(t)
	s, attacker := openShared(t, srv.url()), srv.client(t)
	w := world{T: t, a: s, b: s}
	a := newNode("a")
	run := a.Run.String()
	genuine, moved := newLease(a, "Ann"), newLease(newNode("x"), "Bob")
	w.renew(s, a, []store.Lease{genuine}, nil, false)
	wrong := genuine
	wrong.Role = store.Owner + 1
	pipe := attacker.Pipeline()
	put := func(conn, value string) {
		pipe.ZAdd(t.Context(), leasesKey(run), goredis.Z{Score: 1, Member: conn})
		pipe.Set(t.Context(), leaseKey(run, conn), value, 0)
	}
	text := func(v any) string {
		b, err := json.Marshal(v)
		w.ok(err)
		return string(b)
	}
	put("a", "not JSON")
	put("b", `{"conn":"x"}`)
	put("c", text(genuine)) // another's
	put(moved.Conn.String(), text(moved))
	put(uuid.New().String(), strings.Repeat(" ", maxRecord+1))
	wrong.Conn = uuid.New()
	put(wrong.Conn.String(), text(wrong))
	pipe.ZAdd(t.Context(), leasesKey(run), goredis.Z{Score: 1, Member: "no lease"})
	for node, value := range map[string]string{"x": "{}", uuid.New().String(): text(a), "y": "\xff"} {
		pipe.ZAdd(t.Context(), nodesKey, goredis.Z{Score: math.MaxInt64, Member: node})
		pipe.Set(t.Context(), nodeKey(node), value, 0)
	}
	_, err := pipe.Exec(t.Context())
	w.ok(err)
	leases, err := s.Leases(t.Context(), a.Run)
	w.ok(err)
	if len(leases) != 1 || leases[0] != genuine {
		t.Errorf("leases: %+v", leases)
	}
	nodes, err := s.Nodes(t.Context())
	w.ok(err)
	if len(nodes) != 1 || nodes[0] != a {
		t.Errorf("nodes: %+v", nodes)
	}
	if got := valueOf(t, s.metrics.malformed); got != 6+3 {
		t.Errorf("%v counted as malformed, want 9", got)
	}
	// What makes no sense in the record's place is a record lost.
	w.ok(attacker.Set(t.Context(), nodeKey(run), "nonsense", 0).Err())
	w.renew(s, a, []store.Lease{genuine}, nil, true)
	w.renew(s, a, nil, nil, false)
	if left := attacker.ZCard(t.Context(), leasesKey(run)).Val(); left != 1 {
		t.Errorf("%d in the list of leases: it was not swept", left)
	}
	// Values of another kind fail, and say so.
	for _, c := range []struct {
		key  string
		call func(context.Context) error
	}{
		{nodesKey, func(ctx context.Context) error { _, err := s.Nodes(ctx); return err }},
		{leasesKey(run), func(ctx context.Context) error { _, err := s.Leases(ctx, a.Run); return err }},
	} {
		w.ok(attacker.Set(t.Context(), c.key, "x", 0).Err())
		if err := c.call(t.Context()); err == nil {
			t.Errorf("%s is no set: no error", c.key)
		}
	}
}
