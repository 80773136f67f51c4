package attacks

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

const (
	// mayHold is how many MiB more than at first the process may hold when an attack is over and garbage was collected.
	mayHold = 64
	// rounds is how often a group may disturb the bystanders: a machine that does other things, too, may be late once. What an attack does to others it does every time.
	rounds = 3
)

// group is attacks on one document.
type group struct {
	name    string
	attacks []attack
}

// groups are all attacks that happen one after the other.
func groups() []group {
	return []group{
		{"websocket", websocketAttacks()},
		{"messages", messageAttacks()},
		{"update", updateAttacks()},
		{"content", contentAttacks()},
		{"meaning", meaningAttacks()},
		{"awareness", awarenessAttacks()},
		{"hocuspocus", hocuspocusAttacks()},
		{"flood", floodAttacks()},
		{"hog", hogAttacks()},
	}
}

// ground is where the attacks happen.
type ground struct {
	*server
	t         *testing.T
	friends   *friends
	admin     *rig.Person
	victim    *rig.Person
	reader    *rig.Person
	attackers []*rig.Person
	verdicts  map[verdict]verdict // all that occur
	scenes    []*scene
	baseline  memory
}

// scene is one document, with its victim, and somebody who means harm.
type scene struct {
	*ground
	name     string
	doc      string
	own      string // another document, of the attacker
	attacker *rig.Person
	tokens   map[sender]string
	number   int // of the scene, for an address of its own

	client, witness uint64 // ids of the victim and of whoever sees what it does
	clock           uint64 // at which the victim goes on
	words           []string
	ids             uint64 // of the attacker, so far
	spoiled         bool   // the victim can't work any more, or the document not be loaded
	seen            []seen // presence, as the witness saw it last
}

// seen is somebody's presence.
type seen struct {
	Client uint64 `json:"client"`
	State  struct {
		User struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"user"`
		Name   string `json:"name"`
		Cursor int    `json:"cursor"`
	} `json:"state"`
}

func newGround(t *testing.T) *ground {
	g := &ground{server: startServer(t), t: t, friends: startFriends(t), verdicts: map[verdict]verdict{}}
	for _, group := range append(groups(), slow()...) {
		for _, a := range group.attacks {
			g.verdicts[a.want] = a.want
		}
	}
	// All accounts are made before anything is measured: hashing passwords takes memory.
	g.admin = g.Admin()
	g.victim, g.reader = g.admin.Member("victim"), g.admin.Member("reader")
	for i := range len(groups()) + 2 {
		g.attackers = append(g.attackers, g.admin.Member(fmt.Sprint("attacker", i)))
	}
	return g
}

// scene makes a document and people for a group of attacks.
func (g *ground) scene(t *testing.T, name string) *scene {
	t.Helper()
	s := &scene{ground: g, name: name, number: len(g.scenes), tokens: map[sender]string{}}
	g.scenes = append(g.scenes, s)
	s.attacker = g.attackers[s.number%len(g.attackers)] // connections of an account are limited
	s.doc = g.admin.Document("The target: "+name, g.victim, s.attacker)
	g.admin.Share(s.doc, g.reader, "viewer")
	s.tokens[editor], s.tokens[viewer] = s.attacker.Token(s.doc), g.reader.Token(s.doc)
	s.tokens[lesser] = s.attacker.TokenAs(s.doc, "viewer")
	s.own = s.attacker.Document("The attacker's own")
	s.tokens[stranger] = s.attacker.Token(s.own)

	var entered struct{ Client, Witness uint64 }
	if err := g.friends.ask("enter", map[string]any{
		"url": "ws://" + g.Addr + "/collab", "room": s.doc, "victim": g.victim.Token(s.doc), "witness": g.admin.Token(s.doc),
	}, &entered); err != nil {
		t.Fatal(err)
	}
	s.client, s.witness = entered.Client, entered.Witness
	if err := s.unharmed(); err != nil {
		t.Fatal(err)
	}
	return s
}

// id is a client id of the attacker's own that was never used.
func (s *scene) id() uint64 {
	s.ids++
	return 5_000_000 + s.ids
}

// visitor is somebody with their own address.
func (s *scene) visitor(by sender, stock bool) visitor {
	return visitor{path: "/" + s.doc, token: s.tokens[by], address: fmt.Sprintf("203.0.113.%d", s.number), acks: !stock}
}

// unharmed has the victim type a word and move its caret, and looks whether others see both, and all that it has typed before.
func (s *scene) unharmed() error {
	word := fmt.Sprintf("word%d;", len(s.words))
	var typed struct {
		Clock uint64
		Text  string
	}
	if err := s.friends.ask("type", map[string]any{"room": s.doc, "word": word}, &typed); err != nil {
		return err
	}
	s.words, s.clock = append(s.words, word), typed.Clock
	if err := s.friends.ask("move", map[string]any{"room": s.doc, "to": len(s.words)}, &s.seen); err != nil {
		return err
	}
	for _, somebody := range s.seen {
		if mine := somebody.Client == s.client; mine != (somebody.State.User.ID == s.victim.ID) || mine != (somebody.State.User.Name == s.victim.Name) {
			return fmt.Errorf("others see the victim, or somebody else for it: %+v", s.seen)
		}
	}
	var errs []error
	for _, broken := range s.friends.hurt() {
		errs = append(errs, fmt.Errorf("a stock client broke: %s", broken))
	}
	return errors.Join(append(errs, s.reads(typed.Text))...)
}

// reads says what is missing in a text of all that the victim typed.
func (s *scene) reads(text string) error {
	rest := text
	for _, w := range s.words {
		_, after, found := strings.Cut(rest, w)
		if !found {
			return fmt.Errorf("%s of the victim's is not where it was; the text is %.300q", w, text)
		}
		rest = after
	}
	return nil
}

// loads looks whether Yjs can load the document as stored, change and empty it, and reads in it what we do.
func (s *scene) loads() (state []byte, err error) {
	state = s.admin.Content(s.doc, "format=yjs")
	var loaded struct {
		Text  string
		Roots int
	}
	if err := s.friends.ask("load", map[string]any{"state": base64.StdEncoding.EncodeToString(state)}, &loaded); err != nil {
		return nil, fmt.Errorf("yjs can't load what is stored: %w", err)
	}
	if ours := s.admin.Content(s.doc, "format=text&field=text"); string(ours) != loaded.Text {
		return nil, fmt.Errorf("yjs reads %.300q in what is stored, the server %.300q", loaded.Text, ours)
	}
	return state, s.reads(loaded.Text)
}

// attackWith has a group of attacks happen, until they didn't disturb anybody elsewhere. Whatever else goes wrong goes wrong for good.
func (g *ground) attackWith(t *testing.T, group group, elsewhere *bystanders) {
	for round := 1; ; round++ {
		s := g.scene(t, group.name)
		elsewhere.recent()
		began := time.Now()
		var took timing.Sample
		for _, a := range group.attacks {
			sound := t.Run(a.name, func(t *testing.T) {
				s.suffers(t, a)
				meanwhile := elsewhere.recent()
				t.Logf("elsewhere %d letters, %v", len(meanwhile), meanwhile)
				took = append(took, meanwhile...)
			})
			if !sound && s.spoiled {
				t.Fatalf("after %q nothing can be said any more of what would come behind it", a.name)
			}
		}
		if _, err := s.loads(); err != nil {
			t.Error(err)
		}
		slices.Sort(took)
		t.Logf("%d attacks in %v; elsewhere %d letters, %v", len(group.attacks), time.Since(began).Round(time.Millisecond), len(took), took)
		if err := g.friends.ask("leave", map[string]any{"room": s.doc}, nil); err != nil {
			t.Error(err)
		}
		if took.Percentile(99) <= noticed && len(took) > 0 || t.Failed() {
			return
		}
		if round == rounds {
			t.Errorf("typing elsewhere was disturbed in each of %d rounds", rounds)
			return
		}
	}
}

// suffers has one attack happen.
func (s *scene) suffers(t *testing.T, a attack) {
	before := s.status("VmRSS")
	s.forget()
	if err := s.commit(a); err != nil {
		t.Error(err)
	}
	s.spoiled = true
	if err := s.unharmed(); err != nil {
		t.Fatal(err)
	}
	if a.also != nil {
		if err := a.also(s); err != nil {
			t.Error(err)
		}
	}
	if a.want.acked || a.want.refused != 0 {
		if _, err := s.loads(); err != nil {
			t.Fatal(err)
		}
	}
	s.spoiled = false
	taken := s.status("VmHWM") - before
	after := s.memory()
	held := after.held - s.baseline.held
	t.Logf("%v; the process grew by %.0f MiB meanwhile, and holds %.0f MiB more than at first", a.want, taken, held)
	// What one connection holds, what the others do that send at once, and as much again as the collector hasn't come to.
	mayTake := float64(mayHold * (1 + max(1, a.sockets)))
	if held > mayHold || taken > mayTake {
		t.Errorf("that is more than %.0f or %d MiB", mayTake, mayHold)
	}
}

// Whatever is sent is answered as the contract says, by a process that neither ends nor grows, and hurts neither the victim nor anybody elsewhere; and what is stored
// is a document.
func TestAttacks(t *testing.T) {
	g := newGround(t)
	pid := g.PID()
	quiet := g.admin.Document("Elsewhere", g.victim)
	elsewhere := standBy(t, g.server, quiet, [2]*rig.Person{g.admin, g.victim})
	g.scene(t, "warming up")
	g.baseline = g.memory()
	t.Logf("at first the process holds %.0f MiB, %.0f of them live objects (%.0f resident)", g.baseline.held, g.baseline.live, g.status("VmRSS"))

	wait := g.beginSlowly(t)
	for _, group := range groups() {
		t.Run(group.name, func(t *testing.T) { g.attackWith(t, group, elsewhere) })
	}
	wait()

	letters := elsewhere.ends(t)
	if text := g.admin.Content(quiet, "format=text&field=text"); string(text) != strings.Repeat("x", letters) {
		t.Errorf("elsewhere %d letters were typed, %d are there", letters, len(text))
	}
	g.StillRuns(pid)
	g.loadsAnew(t)
}

// loadsAnew compares what a new process reads with what the attacked one did.
func (g *ground) loadsAnew(t *testing.T) {
	before := make([]string, len(g.scenes))
	for i, s := range g.scenes {
		before[i] = string(g.admin.Content(s.doc, "format=text&field=text"))
	}
	g.Stop()
	g.Addr = rig.AnyPort // where nobody comes back to who could bring something again
	g.Restart()
	for i, s := range g.scenes {
		if _, err := s.loads(); err != nil {
			t.Errorf("%s, in a new process: %v", s.name, err)
		}
		if text := string(g.admin.Content(s.doc, "format=text&field=text")); text != before[i] {
			t.Errorf("%s: a new process reads %.300q, the old one %.300q", s.name, text, before[i])
		}
	}
}
