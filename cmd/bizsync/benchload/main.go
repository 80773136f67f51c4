// Command benchload puts the same loads on today's Node.js servers and on ours, on the same machine and in the same run, and prints one table: what each of them
// delivers, how fast, for how much processor time and memory, what was lost, and whether ours reaches its targets. The others hold their documents in memory only; ours
// commits every edit to its database meanwhile.
//
// Clients speak what the servers' own speak, y-websocket or Hocuspocus, and type real updates that Yjs has made beforehand. What arrived is read from each update, so
// merged updates count one by one, and a server that batches is neither favoured nor punished. Latency counts from when an update was due, so that a server that
// stalls its writers isn't let off. The harness shares the machine with what it measures: how much of it the harness took, and anybody else, is part of the table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// settings are the command line.
type settings struct {
	scenarios string
	peers     string
	protocols string
	rounds    int
	duration  time.Duration
	quick     bool
	quiet     time.Duration
	profiles  string
	program   string
	dir       string
	folder    string
}

// errWrong means that everything was measured, and ours was not as it has to be.
var errWrong = errors.New("ours lost or doubled something, or couldn't be measured")

func main() {
	var s settings
	flag.StringVar(&s.scenarios, "scenario", "", "only these, by commas: "+strings.Join(names(), ", "))
	flag.StringVar(&s.peers, "peers", peerYWebsocket+","+peerHocuspocus, "servers beside ours, by commas")
	flag.StringVar(&s.protocols, "protocols", protocolYWebsocket, "what is spoken to ours, by commas: "+protocolYWebsocket+", "+protocolHocuspocus)
	flag.IntVar(&s.rounds, "rounds", 3, "how often each scenario is played at each server; the table has medians")
	flag.DurationVar(&s.duration, "duration", 8*time.Second, "how long each load is measured; a step of a saturation takes half as long")
	flag.BoolVar(&s.quick, "quick", false, "one round of small loads for a second or two, to see that everything works: the figures mean nothing")
	flag.DurationVar(&s.quiet, "wait-quiet", 20*time.Second, "how long each measurement waits for other processes to be idle, at most")
	flag.StringVar(&s.profiles, "profiles", "", "existing `folder` for profiles of processor and memory of our nodes (they cost the nodes a little)")
	flag.StringVar(&s.program, "program", "", "built `file` to measure instead of building it here")
	flag.StringVar(&s.dir, "dir", "/var/tmp", "`folder` on a disk, below which our databases are, as long as this runs")
	flag.StringVar(&s.folder, "folder", "cmd/bizsync/benchload", "`folder` with gen.mjs, and the others' servers below peers; what is typed is kept below data")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	debug.SetGCPercent(400) // a harness that takes little time matters more than a small one
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benchload:", err)
		os.Exit(1)
	}
}

// Protocols of ours.
const (
	protocolYWebsocket = "y-websocket"
	protocolHocuspocus = "hocuspocus"
)

func names() (all []string) {
	for _, one := range scenarios(sizes{share: 1}) {
		all = append(all, one.name)
	}
	return all
}

// bench is a run of the command.
type bench struct {
	settings
	out      io.Writer
	dir      string // for everything that ends with it
	clock    clock
	scripts  []*script
	document []byte
	columns  []column
	start    map[string]starter // of each column; nil: it isn't installed
	measured results
	remarks  []string
	wrong    bool

	compared, uncommitted int // documents of ours
}

// starter starts a server that has been given a folder, with so many nodes and documents.
type starter func(ctx context.Context, dir string, nodes, rooms int) (*server, error)

// run plays all scenarios at all servers, round by round, so that what disturbs the machine disturbs all of them alike.
func run(ctx context.Context, s settings, out io.Writer) (err error) {
	if s.quick {
		s.rounds, s.quiet = 1, 0
	}
	all, err := chosen(s)
	if err != nil {
		return err
	}
	b := &bench{settings: s, out: out, clock: clock{time.Now()}, start: map[string]starter{}, measured: results{}}
	if b.dir, err = lab.OnDisk(s.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for _, one := range all {
		for round := range s.rounds {
			for _, c := range b.columns {
				if err := b.play(ctx, one, c, round); err != nil {
					return err
				}
			}
		}
	}
	fmt.Fprintln(out)
	if err := b.conditions(ctx); err != nil {
		return err
	}
	table(out, all, b.columns, b.measured)
	fmt.Fprintln(out)
	if b.compared > 0 {
		fmt.Fprintf(out, "Of %d documents of ours the committed content was compared with what was typed; %d lacked something.\n", b.compared, b.uncommitted)
	}
	for _, remark := range b.remarks {
		fmt.Fprintln(out, remark)
	}
	if b.wrong {
		return errWrong
	}
	return nil
}

// chosen are the scenarios that were asked for.
func chosen(s settings) ([]scenario, error) {
	all := scenarios(sizesOf(s))
	if s.scenarios == "" {
		return all, nil
	}
	for name := range strings.SplitSeq(s.scenarios, ",") {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("there is no scenario %q, only %s", name, strings.Join(names(), ", "))
		}
	}
	return slices.DeleteFunc(all, func(one scenario) bool { return !slices.Contains(strings.Split(s.scenarios, ","), one.name) }), nil
}

// prepare builds ours, finds out which of the others can be had, and reads what to type.
func (b *bench) prepare(ctx context.Context) (err error) {
	// Each connection of the harness, and at each server, is an open file.
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	files.Cur = files.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	for _, name := range fields(b.peers) {
		if name != peerYWebsocket && name != peerHocuspocus {
			return fmt.Errorf("there is no peer %q, only %s and %s", name, peerYWebsocket, peerHocuspocus)
		}
		p := peer{name: name, folder: filepath.Join(b.folder, "peers", name)}
		title, err := p.version()
		if err != nil {
			b.columns = append(b.columns, column{name: name, title: name + " (NOT INSTALLED)"})
			b.remarks = append(b.remarks, "not measured: "+err.Error())
			continue
		}
		b.columns, b.start[name] = append(b.columns, column{name: name, title: title}), p.start
	}
	if b.program == "" {
		fmt.Fprintln(b.out, "building the server ...")
		b.program = filepath.Join(b.dir, "bizsync")
		if err := lab.Build(ctx, b.program); err != nil {
			return err
		}
	}
	for _, protocol := range fields(b.protocols) {
		if protocol != protocolYWebsocket && protocol != protocolHocuspocus {
			return fmt.Errorf("ours doesn't speak %q, only %s and %s", protocol, protocolYWebsocket, protocolHocuspocus)
		}
		name := "ours-" + protocol
		b.columns = append(b.columns, column{name: name, title: "BizSync, " + protocol, ours: true})
		b.start[name] = ours{program: b.program, hocuspocus: protocol == protocolHocuspocus}.start
	}
	return b.material(ctx)
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// What gen.mjs makes: more updates of more authors than any scenario needs.
const (
	authorsMade = 10
	updatesMade = 60_000
	largeEdits  = 150_000
)

// material reads what to type, which is made the first time.
func (b *bench) material(ctx context.Context) (err error) {
	folder := filepath.Join(b.folder, "data")
	if _, err := os.Stat(filepath.Join(folder, "scripts.bin")); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(b.out, "having Yjs type what the harness types (about a minute, once) ...")
		if err := b.generate(ctx, folder); err != nil {
			return err
		}
	}
	if b.scripts, err = readScripts(filepath.Join(folder, "scripts.bin")); err != nil {
		return err
	}
	if b.document, err = os.ReadFile(filepath.Join(folder, "large.bin")); err != nil {
		return fmt.Errorf("read the large document: %w", err)
	}
	return nil
}

func (b *bench) generate(ctx context.Context, into string) error {
	if err := os.MkdirAll(into, 0o755); err != nil {
		return fmt.Errorf("folder for what is typed: %w", err)
	}
	if err := os.WriteFile(filepath.Join(into, ".gitignore"), []byte("*\n"), 0o644); err != nil {
		return fmt.Errorf("folder for what is typed: %w", err)
	}
	installed, err := filepath.Glob(filepath.Join(b.folder, "peers", "*", "node_modules", "yjs"))
	if err != nil || len(installed) == 0 {
		return fmt.Errorf("yjs is in none of %s: install it with npm ci", filepath.Join(b.folder, "peers", "*"))
	}
	from := filepath.Dir(filepath.Dir(installed[0]))
	out, err := exec.CommandContext(ctx, "node", filepath.Join(b.folder, "gen.mjs"), from, into,
		strconv.Itoa(authorsMade), strconv.Itoa(updatesMade), strconv.Itoa(largeEdits)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make what is typed: %w\n%s", err, out)
	}
	return nil
}

// earlier says which scenario finds the highest rate that another one goes beyond.
func earlier(name string) string {
	return map[string]string{"overload": "saturate-room", "overload-rooms": "saturate-rooms"}[name]
}

// play plays a scenario at one server, which is started and ended. What goes wrong at a server is a remark, and the others go on.
func (b *bench) play(ctx context.Context, one scenario, c column, round int) error {
	if b.start[c.name] == nil || one.oursOnly && !c.ours || one.name == "cursors" && c.name != "ours-"+protocolYWebsocket {
		return nil
	}
	run := fmt.Sprintf("%s, %s, round %d", one.name, c.title, round+1)
	fmt.Fprintf(b.out, "%s ...\n", run)
	r, err := b.measure(ctx, one, c, round)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch {
	case errors.Is(err, errAlone):
		fmt.Fprintf(b.out, "  %v\n", errAlone)
		return nil
	case err != nil:
		b.remarks = append(b.remarks, fmt.Sprintf("%s: NOT MEASURED: %v", run, err))
		b.wrong = b.wrong || c.ours
		return nil
	}
	b.measured.add(one.name, c.name, r)
	if len(r.relayed) == 0 {
		fmt.Fprintf(b.out, "  %s\n", r)
	}
	for _, p := range r.relayed {
		p.tell(b.out)
	}
	for _, failure := range r.failures {
		b.remarks = append(b.remarks, run+": "+failure)
	}
	if limit := r.limit(); limit != "" {
		b.remarks = append(b.remarks, run+": "+limit)
	}
	b.compared += r.compared
	b.uncommitted += r.uncommitted
	b.wrong = b.wrong || c.ours && !one.mayLose && (r.lost > 0 || r.doubled > 0 || len(r.failures) > 0)
	return nil
}

func (b *bench) measure(ctx context.Context, one scenario, c column, round int) (r *result, err error) {
	dir, remove, err := within(b.dir, one.name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	s, err := b.start[c.name](ctx, dir, one.nodes, one.rooms)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, s.stop())
		for _, complaint := range s.complaints() {
			b.remarks = append(b.remarks, fmt.Sprintf("%s, round %d: %s", one.name, round+1, complaint))
		}
	}()
	s.clock = b.clock
	if err := quiet(ctx, b.quiet); err != nil {
		return nil, err
	}
	return one.run(ctx, &job{
		server: s, scripts: b.scripts, document: b.document, log: b.out, highest: b.measured.highest(earlier(one.name), c.name),
		profile: profiler{folder: b.profiles, name: fmt.Sprintf("%s-%s-%d", one.name, c.name, round+1), nodes: s.nodes},
	})
}

// conditions writes on what, and how, everything was measured.
func (b *bench) conditions(ctx context.Context) error {
	machine, err := lab.Machine(ctx, b.dir)
	if err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, b.program, "version").Output()
	if err != nil {
		return fmt.Errorf("version of ours: %w", err)
	}
	fmt.Fprintf(b.out, "%s.\n%s, SQLite (one node) or PostgreSQL (two), every edit committed before it is told; the others hold documents in memory. The harness is on the same machine.\n",
		machine, strings.TrimSpace(string(version)))
	fmt.Fprintf(b.out, "Limits of ours that were raised, since all clients are %d accounts at one address: %s.\n", accounts, strings.Join(raised(), " "))
	fmt.Fprintf(b.out, "Medians of %d rounds of %v each; runs during which others kept more than %.2f cores busy are left out, unless there are no others.\n\n", b.rounds, sizesOf(b.settings).measured, mostDisturbed)
	if b.quick {
		fmt.Fprint(b.out, "THIS WAS A QUICK TRIAL: loads are a tenth, times a second or two, and the figures mean nothing.\n\n")
	}
	return nil
}
