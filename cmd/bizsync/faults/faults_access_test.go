package faults

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// accessFaults are changes of who may do what while people type.
func accessFaults() []fault {
	return []fault{
		{name: "access taken away at the other node", rounds: 3, ci: 1, run: accessTaken},
		{name: "access taken away without Redis", rounds: 3, ci: 1, run: accessTakenAlone},
	}
}

const (
	// writeTime is after which nothing of somebody who lost the right is committed any more; idleTime, after which their sockets are closed (CONTRACT A1).
	writeTime = 2 * time.Second
	idleTime  = 3 * time.Second
)

// act takes somebody's right to write away.
type act struct {
	name   string
	closes []int                                      // with one of which idle sockets are closed; none: they stay
	with   func(s *scene, room string) map[string]any // which credentials the victim's sockets are opened with
	do     func(s *scene) error
	undo   func(s *scene) error // nil: it is the victim's affair alone
}

var acts = []act{
	{
		name: "deletion", closes: []int{4404}, with: ownToken,
		do: func(s *scene) error {
			return errors.Join(s.admin.request(s.far, "DELETE", "/documents/"+s.room, nil, http.StatusNoContent, nil),
				s.admin.request(s.far, "DELETE", "/documents/"+s.quiet, nil, http.StatusNoContent, nil))
		},
		undo: func(s *scene) error {
			return s.admin.request(s.far, "POST", "/documents/"+s.room+"/restore", nil, http.StatusOK, nil)
		},
	},
	{name: "revocation", closes: []int{4403}, with: ownToken, do: func(s *scene) error {
		return errors.Join(s.admin.request(s.far, "DELETE", "/documents/"+s.room+"/members/"+s.victim.ID, nil, http.StatusNoContent, nil),
			s.admin.request(s.far, "DELETE", "/documents/"+s.quiet+"/members/"+s.victim.ID, nil, http.StatusNoContent, nil))
	}},
	{name: "downgrade", with: ownToken, do: func(s *scene) error {
		viewer := map[string]any{"role": "viewer"}
		return errors.Join(s.admin.request(s.far, "PUT", "/documents/"+s.room+"/members/"+s.victim.ID, viewer, http.StatusOK, nil),
			s.admin.request(s.far, "PUT", "/documents/"+s.quiet+"/members/"+s.victim.ID, viewer, http.StatusOK, nil))
	}},
	{name: "logout", closes: []int{4401}, with: login, do: func(s *scene) error {
		return s.victim.request(s.far, "DELETE", "/session", nil, http.StatusNoContent, nil)
	}},
	{name: "disabling", closes: []int{4401, 4403}, with: ownToken, do: func(s *scene) error {
		return s.admin.request(s.far, "PATCH", "/users/"+s.victim.ID, map[string]any{"disabled": true}, http.StatusOK, nil)
	}},
	{name: "key-deletion", closes: []int{4401, 4403}, with: tokenOfKey, do: func(s *scene) error {
		return s.victim.request(s.far, "DELETE", "/api-keys/"+s.key, nil, http.StatusNoContent, nil)
	}},
}

func ownToken(s *scene, room string) map[string]any {
	return map[string]any{"token": s.victim.token(room)}
}

// login is what a page has: a cookie.
func login(s *scene, _ string) map[string]any {
	cookies := s.victim.client.Jar.Cookies(&url.URL{Scheme: "http", Host: s.near.addr})
	return map[string]any{"cookie": cookies[0].String(), "origin": "http://" + s.near.addr}
}

// tokenOfKey is a token that a program has made with a key.
func tokenOfKey(s *scene, room string) map[string]any {
	if s.program == nil {
		var made struct{ ID, Key string }
		s.victim.call(s.near, "POST", "/api-keys", map[string]any{"name": "a program", "scopes": []string{"tokens"}}, http.StatusCreated, &made)
		s.key, s.secrets = made.ID, append(s.secrets, made.Key)
		s.program = &account{c: s.cluster, client: &http.Client{Timeout: rig.Patience, Transport: bearer(made.Key)}}
	}
	return map[string]any{"token": s.program.token(room)}
}

// bearer adds a key to requests.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// scene is a document in which somebody, the victim, loses the right to write, by a request at another node than theirs.
type scene struct {
	*cluster
	act       act
	near, far *node // where the victim is, and where the request is made
	room      string
	quiet     string // a document in which nobody types, where the victim is, too
	bystander *account
	victim    *account
	program   *account  // makes the victim's tokens with a key, if that is how
	key       string    // its id
	began     time.Time // of the request
	done      time.Time // of its answer
}

// visitor is what the clients tell about one of them, with times in milliseconds of the system's clock.
type visitor struct {
	Typed    []int64
	Acked    map[string]int64
	Closes   []struct{ At, Code int64 }
	Refusals []struct{ At, Code, Frame int64 }
}

// ackedBetween counts what was acknowledged between two moments.
func (v visitor) ackedBetween(from, to time.Time) (n int) {
	for _, at := range v.Acked {
		if at > from.UnixMilli() && at <= to.UnixMilli() {
			n++
		}
	}
	return n
}

// accessTaken has people lose the right to write, in all ways at about the same time, each in a document of their own.
func accessTaken(c *cluster) {
	at := slices.Clone(c.nodes)
	c.random.Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
	clients, err := newCrowd("node/visitors.mjs")
	c.must(err)
	c.cleanup(clients.Kill)
	var scenes []*scene
	for _, a := range acts {
		s := &scene{cluster: c, act: a, near: at[0], far: at[1], bystander: c.people[0]}
		s.victim = c.admin.member(fmt.Sprintf("%s-%d", a.name, c.random.Uint32()))
		s.room = c.admin.document("Scene of a "+a.name, s.bystander, s.victim)
		s.quiet = c.admin.document("Where nobody types, before a "+a.name, s.victim)
		s.enter(clients)
		scenes = append(scenes, s)
	}
	c.lasts(2 * time.Second)
	for _, s := range scenes {
		s.began = time.Now()
		c.must(s.act.do(s))
		s.done = time.Now()
	}
	c.lasts(idleTime + 2*time.Second)
	var seen map[string]visitor
	c.must(clients.Call("seen", nil, rig.Patience, &seen))
	c.must(clients.Call("leave", nil, rig.Patience, nil))
	for _, s := range scenes {
		s.judge(clients, seen)
	}
}

// accessTakenAlone does that while the nodes can't tell each other anything.
func accessTakenAlone(c *cluster) {
	for _, n := range c.nodes {
		n.redis.cut()
	}
	for _, n := range c.nodes {
		c.must(n.ready("degraded"))
	}
	accessTaken(c)
	for _, n := range c.nodes {
		c.must(n.redis.heal())
	}
}

func (s *scene) name(who string) string { return s.act.name + " " + who }

// enter has the victim open both documents, one to type, and the bystander that one at both nodes.
func (s *scene) enter(clients *crowd) {
	visit := func(who string, at *node, room string, types bool, credentials map[string]any) {
		args := map[string]any{"name": s.name(who), "url": at.collab(), "room": room, "types": types}
		maps.Copy(args, credentials)
		s.must(clients.Call("enter", args, 2*rig.Patience, nil))
	}
	visit("victim", s.near, s.room, true, s.act.with(s, s.room))
	visit("idle", s.near, s.quiet, false, s.act.with(s, s.quiet))
	bystander := map[string]any{"token": s.bystander.token(s.room)}
	visit("near", s.near, s.room, true, bystander)
	visit("far", s.far, s.room, true, bystander)
}

// judge looks at what became of a scene: of the victim, of the bystander, and of the document.
func (s *scene) judge(clients *crowd, seen map[string]visitor) {
	victim, idle := seen[s.name("victim")], seen[s.name("idle")]
	if victim.ackedBetween(s.began.Add(-time.Second), s.began) == 0 {
		s.complain(fmt.Errorf("%s: nothing was acknowledged before", s.act.name))
	}
	late, err := s.postgres.query(fmt.Sprintf("SELECT count(*) FROM updates WHERE document = '%s' AND author = '%s' AND created_at > to_timestamp(%f)",
		s.room, s.victim.ID, float64(s.done.Add(writeTime).UnixMilli())/1000))
	s.must(err)
	if late != "0" {
		s.broken("%s: %s rows of somebody who may not write were committed more than %v after that was said", s.act.name, late, writeTime)
	}
	if len(victim.Refusals) == 0 {
		s.broken("%s: nobody told the victim", s.act.name)
	}
	switch {
	case len(s.act.closes) == 0:
		if len(idle.Closes) > 0 {
			s.broken("%s: the socket of somebody who may still read was closed: %+v", s.act.name, idle.Closes)
		}
	case len(idle.Closes) == 0:
		s.broken("%s: an idle socket stays open", s.act.name)
	default:
		first := idle.Closes[0]
		took := time.UnixMilli(first.At).Sub(s.done)
		s.logf("%s: an idle socket was closed after %v", s.act.name, took.Round(time.Millisecond))
		if took > idleTime || !slices.Contains(s.act.closes, int(first.Code)) {
			s.broken("%s: an idle socket was closed after %v with code %d", s.act.name, took, first.Code)
		}
	}
	for _, who := range []string{"near", "far"} {
		v := seen[s.name(who)]
		if s.act.undo == nil && (len(v.Refusals) > 0 || len(v.Closes) > 0 || v.ackedBetween(s.done.Add(writeTime), time.Now()) == 0) {
			s.broken("%s: somebody else felt it: refusals %+v, closes %+v, acknowledged %d", s.act.name, v.Refusals, v.Closes, len(v.Acked))
		}
	}
	if s.act.undo != nil {
		s.must(s.act.undo(s))
	}
	args := map[string]any{"url": s.near.collab(), "room": s.room, "token": s.bystander.token(s.room)}
	err = poll(s.act.name+": everything that was acknowledged is there once", healTime, func() error {
		var tokens map[string]int
		if err := clients.Call("read", args, 2*rig.Patience, &tokens); err != nil {
			return err
		}
		for _, who := range []string{"victim", "near", "far"} {
			for token := range seen[s.name(who)].Acked {
				if tokens[token] != 1 {
					return fmt.Errorf("%q is there %d times", token, tokens[token])
				}
			}
		}
		return nil
	})
	if err != nil {
		s.complain(verdict{err.Error()})
	}
}
