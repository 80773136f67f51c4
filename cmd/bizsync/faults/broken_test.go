package faults

import (
	"bytes"
	"os"
	"regexp"
	"testing"
	"time"
)

// brokenBuild is the program with one promise broken on purpose, and the fault that brings it to light.
type brokenBuild struct {
	breakage string // a file broken.go names it
	in       string // the package
	fault    string
	rounds   int    // that are tried
	verdict  string // what the oracle says of it, a regular expression
}

const ours = "github.com/bizsync/bizsync/"

var brokenBuilds = []brokenBuild{
	{"ack-before-commit", ours + "collab", "node killed while its database hangs", 1, `: lost \[\w`},
	{"own-moves-upto", ours + "collab", "relay loses half at full speed", 3, late},
	{"no-catch-up", ours + "collab", "the last message lost, then silence", 2, late},
	{"bigserial-order", ours + "store/postgres", "relay loses half at full speed", 3, late},
	{"no-expiry", ours + "store/redis", "node killed for good", 1, `the people of the killed node are shown nowhere: not within`},
}

// late is what is said of nodes that don't agree in time: not at all, or only when they compare the content of their documents, some seconds after loading them.
const late = `there is no agreement|until all agreed`

// brokenHope is how long the oracle waits for a broken build: a little longer than is promised.
const brokenHope = healTime + time.Second

// TestBrokenBuildsAreCaught looks at the suite itself: it must condemn programs that don't keep their promises. That it doesn't condemn the whole one under the same
// faults is TestFaults's to show, whose short suite has them all.
func TestBrokenBuildsAreCaught(t *testing.T) {
	faults := map[string]fault{}
	for _, f := range allFaults() {
		faults[f.name] = f
	}
	for _, b := range brokenBuilds {
		t.Run(b.breakage, func(t *testing.T) {
			t.Parallel() // nothing is measured that should come out well
			f := faults[b.fault]
			if f.run == nil || f.ci == 0 {
				t.Fatalf("the short suite has no fault %q", b.fault)
			}
			program, err := build("bizsync-"+b.breakage, "-tags", "broken", "-ldflags", "-X "+b.in+".breakage="+b.breakage)
			if err != nil {
				t.Fatal(err)
			}
			switch res := f.try(t.Logf, program, b.rounds, brokenHope); {
			case condemned(res.err) && regexp.MustCompile(b.verdict).MatchString(res.err.Error()):
				t.Logf("caught: %.300s", res.err)
			case res.err != nil:
				t.Errorf("it fails, but not for what is wrong with it: %v", res.err)
			default:
				t.Errorf("not caught: %d rounds, %d tokens acknowledged, %d lost, agreement after %v", res.rounds, res.acked, res.lost, res.took)
			}
		})
	}
}

// TestReleaseIsWhole looks for what broken builds are made of in the program that is released.
func TestReleaseIsWhole(t *testing.T) {
	contents := func(program string) []byte {
		b, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	broken, err := build("bizsync-broken", "-tags", "broken")
	if err != nil {
		t.Fatal(err)
	}
	release, other := contents(program), contents(broken)
	for _, b := range brokenBuilds {
		symbol := []byte(b.in + ".breakage")
		if bytes.Contains(release, symbol) {
			t.Errorf("the program contains %s", symbol)
		}
		if !bytes.Contains(other, symbol) {
			t.Errorf("not even a build with tag broken contains %s: this test looks for the wrong thing", symbol)
		}
	}
}
