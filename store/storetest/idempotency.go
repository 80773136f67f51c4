package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// claims begins a request that nobody has begun.
func (w *world) claims(k store.IdempotencyKey, request string, lease time.Duration) {
	w.t.Helper()
	reply, err := w.s.BeginRequest(w.ctx, k, hash(request), lease)
	ok(w.t, err)
	if reply != nil {
		w.t.Fatalf("a claim of %v got the reply %v", k, reply)
	}
}

// refused begins a request that must not be done.
func (w *world) refused(k store.IdempotencyKey, request string, target error) {
	w.t.Helper()
	reply, err := w.s.BeginRequest(w.ctx, k, hash(request), time.Minute)
	want(w.t, err, target)
	if reply != nil {
		w.t.Fatalf("a refused request got the reply %v", reply)
	}
}

// answered begins a request that was answered.
func (w *world) answered(k store.IdempotencyKey, request string, r store.Reply) {
	w.t.Helper()
	reply, err := w.s.BeginRequest(w.ctx, k, hash(request), time.Minute)
	ok(w.t, err)
	if reply == nil {
		w.t.Fatalf("%v was claimed again", k)
	}
	same(w.t, "reply", *reply, r, cmpopts.EquateEmpty())
}

func testRequests(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann, bob := w.user("ann"), w.user("bob")
	k := store.IdempotencyKey{User: ann.ID, Operation: "createDocument", Key: "a"}
	reply := store.Reply{Status: 201, Header: map[string]string{"Location": "/d/1", "ETag": `"é\x00"`}, Body: []byte("\x00\xff{}")}

	want(t, w.s.FinishRequest(w.ctx, k, reply), store.ErrNotFound)
	ok(t, w.s.ForgetRequest(w.ctx, k)) // nothing to do
	w.claims(k, "request", time.Minute)
	w.refused(k, "request", store.ErrBusyRequest)
	w.refused(k, "another", store.ErrConflict)
	ok(t, w.s.FinishRequest(w.ctx, k, reply))
	for range 2 {
		w.answered(k, "request", reply)
	}
	w.refused(k, "another", store.ErrConflict)
	ok(t, w.s.FinishRequest(w.ctx, k, store.Reply{Status: 500})) // of somebody who was late
	ok(t, w.s.ForgetRequest(w.ctx, k))
	w.answered(k, "request", reply)

	// The same word in another's mouth, or for something else, is another.
	for _, other := range []store.IdempotencyKey{
		{User: bob.ID, Operation: "createDocument", Key: "a"},
		{User: ann.ID, Operation: "createKey", Key: "a"},
		{User: ann.ID, Operation: "createDocument", Key: "A"},
		{User: ann.ID, Operation: "createDocument", Key: ""},
		{User: ann.ID, Operation: "createDocument", Key: strings.Repeat("k", store.MaxIdempotencyKey)},
	} {
		w.claims(other, "request", time.Minute)
		ok(t, w.s.FinishRequest(w.ctx, other, store.Reply{Status: 204}))
		w.answered(other, "request", store.Reply{Status: 204})
	}
	for name, bad := range map[string]store.IdempotencyKey{
		"a key that is too long": {User: ann.ID, Operation: "o", Key: strings.Repeat("k", store.MaxIdempotencyKey+1)},
		"no UTF-8":               {User: ann.ID, Operation: "o", Key: "\xff"},
		"a NUL":                  {User: ann.ID, Operation: "o\x00", Key: "k"},
	} {
		_, err := w.s.BeginRequest(w.ctx, bad, hash("request"), time.Minute)
		for _, err := range []error{err, w.s.FinishRequest(w.ctx, bad, reply), w.s.ForgetRequest(w.ctx, bad)} {
			if err == nil || !strings.Contains(err.Error(), "255 bytes") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}

	// What had no effect may be tried again, also as something else.
	k.Key = "forgotten"
	w.claims(k, "request", time.Minute)
	ok(t, w.s.ForgetRequest(w.ctx, k))
	w.claims(k, "another", time.Minute)
	ok(t, w.s.FinishRequest(w.ctx, k, reply))
	w.answered(k, "another", reply)
}

// testClaims has many claim one request at once: exactly one gets it, each time that it is free.
func testClaims(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	const sides = 8
	once := func(k store.IdempotencyKey) {
		t.Helper()
		replies := make([]*store.Reply, sides)
		start := make(chan struct{})
		got := make(chan []error)
		go func() {
			got <- together(sides, func(i int) (err error) {
				<-start
				replies[i], err = w.s.BeginRequest(w.ctx, k, hash("request"), time.Minute)
				return err
			})
		}()
		close(start)
		if busy := count(t, <-got, store.ErrBusyRequest); busy != sides-1 {
			t.Fatalf("%d of %d were told that it is being done", busy, sides)
		}
		for _, r := range replies {
			if r != nil {
				t.Fatalf("a reply to what nobody has answered: %v", r)
			}
		}
	}
	for range 10 {
		k := store.IdempotencyKey{User: ann.ID, Operation: "createDocument", Key: uuid.NewString()}
		once(k) // new
		ok(t, w.s.ForgetRequest(w.ctx, k))
		once(k) // forgotten
		db.Age(t, w.s, time.Minute)
		once(k) // its holder has died
		ok(t, w.s.FinishRequest(w.ctx, k, store.Reply{Status: 201}))
		db.Age(t, w.s, store.IdempotencyTime+time.Minute)
		once(k) // its reply is too old
	}

	// Who finishes while others ask is heard by all of them, or they are told that it is being done: none does it again.
	for range 10 {
		k := store.IdempotencyKey{User: ann.ID, Operation: "createDocument", Key: uuid.NewString()}
		w.claims(k, "request", time.Minute)
		errs := together(sides, func(i int) error {
			if i == 0 {
				return w.s.FinishRequest(w.ctx, k, store.Reply{Status: 201})
			}
			r, err := w.s.BeginRequest(w.ctx, k, hash("request"), time.Minute)
			if err == nil && r == nil {
				t.Error("it was claimed again")
			}
			return err
		})
		count(t, errs, store.ErrBusyRequest)
		w.answered(k, "request", store.Reply{Status: 201})
	}
}

// testRenewRequest: who renews a claim in time keeps it, however long it takes; who comes too late has lost nothing but the claim.
func testRenewRequest(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	k := store.IdempotencyKey{User: ann.ID, Operation: "createDocument", Key: "k"}
	want(t, w.s.RenewRequest(w.ctx, k, time.Minute), store.ErrNotFound)
	w.claims(k, "request", time.Minute)
	for range 3 {
		db.Age(t, w.s, 50*time.Second)
		ok(t, w.s.RenewRequest(w.ctx, k, time.Minute))
		_, err := w.s.BeginRequest(w.ctx, k, hash("request"), time.Minute)
		want(t, err, store.ErrBusyRequest)
	}
	db.Age(t, w.s, 61*time.Second)
	w.claims(k, "request", time.Minute) // nobody renewed it
	ok(t, w.s.FinishRequest(w.ctx, k, store.Reply{Status: 201}))
	want(t, w.s.RenewRequest(w.ctx, k, time.Minute), store.ErrNotFound)
	got, err := w.s.BeginRequest(w.ctx, k, hash("request"), time.Minute)
	ok(t, err)
	same(t, "status of the reply", got.Status, 201)
	if err := w.s.RenewRequest(w.ctx, store.IdempotencyKey{User: ann.ID, Key: "\xff"}, time.Minute); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("a key that is no text: %v", err)
	}
}

func testRequestLife(t *testing.T, db Database) {
	w := newWorld(t, db)
	ann := w.user("ann")
	key := func(name string) store.IdempotencyKey {
		return store.IdempotencyKey{User: ann.ID, Operation: "createDocument", Key: name}
	}
	reply := store.Reply{Status: 201, Body: []byte("x")}

	w.claims(key("dead"), "request", time.Minute)
	w.claims(key("long"), "request", 30*24*time.Hour) // as long as may be
	w.claims(key("answered"), "request", time.Minute)
	ok(t, w.s.FinishRequest(w.ctx, key("answered"), reply))
	db.Age(t, w.s, 59*time.Second)
	w.refused(key("dead"), "request", store.ErrBusyRequest)
	db.Age(t, w.s, 2*time.Second)
	w.refused(key("dead"), "another", store.ErrConflict) // what the dead one did is unknown
	w.claims(key("dead"), "request", time.Minute)
	w.refused(key("dead"), "request", store.ErrBusyRequest)
	w.refused(key("long"), "request", store.ErrBusyRequest)
	ok(t, w.s.FinishRequest(w.ctx, key("dead"), reply))

	db.Age(t, w.s, store.IdempotencyTime-2*time.Minute)
	w.answered(key("answered"), "request", reply)
	if n, err := w.s.SweepRequests(w.ctx, 10); err != nil || n != 0 {
		t.Fatalf("swept %d, %v", n, err)
	}
	w.claims(key("young"), "request", time.Minute)
	ok(t, w.s.FinishRequest(w.ctx, key("young"), reply))
	db.Age(t, w.s, 2*time.Minute)
	w.claims(key("answered"), "another", time.Minute) // too old to count, though it wasn't swept
	w.claims(key("long"), "another", time.Minute)
	ok(t, w.s.FinishRequest(w.ctx, key("answered"), store.Reply{Status: 200}))
	w.answered(key("answered"), "another", store.Reply{Status: 200})

	for range 4 {
		k := key(uuid.NewString())
		w.claims(k, "request", time.Minute)
		ok(t, w.s.FinishRequest(w.ctx, k, reply))
	}
	w.claims(key("abandoned"), "request", 30*24*time.Hour)
	db.Age(t, w.s, store.IdempotencyTime-time.Minute)
	w.claims(key("new"), "request", time.Minute)
	db.Age(t, w.s, 2*time.Minute)
	// dead, long, answered, young, four, abandoned: nine are old.
	for _, n := range []int{4, 4, 1, 0} {
		if swept, err := w.s.SweepRequests(w.ctx, 4); err != nil || swept != n {
			t.Fatalf("swept %d, %v; want %d", swept, err, n)
		}
	}
	if n, err := w.s.SweepRequests(w.ctx, -1); err != nil || n != 0 {
		t.Fatalf("swept %d, %v", n, err)
	}
	want(t, w.s.FinishRequest(w.ctx, key("abandoned"), reply), store.ErrNotFound)
	w.claims(key("young"), "another", time.Minute)
	ok(t, w.s.FinishRequest(w.ctx, key("new"), reply))
}
