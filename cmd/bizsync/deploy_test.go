package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/bizsync/bizsync/store/postgres"
	"github.com/bizsync/bizsync/store/sqlite"
)

// exposed gives the metrics of a node that has everything, wired as serve wires it, each with its labels. Those that have no value yet are among them.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	p, _ := invocation([]string{"--addr", "localhost:0"}, nil)
	parsed, err := parse(p)
	if err != nil {
		t.Fatal(err)
	}
	c := parsed.(*serveCommand)
	c.RedisURL = "redis://127.0.0.1:1" // nobody is there; a node starts all the same
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "bizsync.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	n, err := c.build(t.Context(), st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	registerStore(n.metrics, new(postgres.Store)) // describes what it would measure

	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		n.metrics.Describe(descs)
	}()
	described := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	metrics := map[string][]string{}
	for d := range descs {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("not understood: %s", d)
		}
		labels := []string{"instance", "job", "le"}
		if m[2] != "" {
			labels = append(labels, strings.Split(m[2], ",")...)
		}
		metrics[m[1]] = labels
	}

	// Ends it in order, at once.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.serve(over, listener, nil); err != nil {
		t.Error(err)
	}
	return metrics
}

var (
	metricName = regexp.MustCompile(`\b(?:bizsync|go|process)_[a-z0-9_]+`)
	selector   = regexp.MustCompile(`\b((?:bizsync|go|process)_[a-z0-9_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
	grouping   = regexp.MustCompile(`\b(?:by|without|on|ignoring) \(([^)]*)\)`)
	flagName   = regexp.MustCompile(`--([a-z]+(?:-[a-z]+)*)`)
)

// checkExpression says what of a PromQL expression no node exposes. (`quantile` is a summary's, and job and instance are the scrape's.)
func checkExpression(t *testing.T, where, expr string, metrics map[string][]string) (names []string) {
	t.Helper()
	all := []string{"quantile"}
	base := func(name string) string {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if b, ok := strings.CutSuffix(name, suffix); ok && metrics[name] == nil {
				return b
			}
		}
		return name
	}
	for _, name := range metricName.FindAllString(expr, -1) {
		labels, ok := metrics[base(name)]
		if !ok {
			t.Errorf("%s: no node exposes %s: %s", where, name, expr)
		}
		all = append(all, labels...)
		names = append(names, base(name))
	}
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			if m[1] != "quantile" && !slices.Contains(metrics[base(s[1])], m[1]) {
				t.Errorf("%s: %s has no label %s: %s", where, s[1], m[1], expr)
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			if label = strings.TrimSpace(label); !slices.Contains(all, label) {
				t.Errorf("%s: nothing has a label %s: %s", where, label, expr)
			}
		}
	}
	return names
}

// What the dashboard and the alerts speak of, nodes expose; and a metric of ours that nobody looks at isn't worth its name.
func TestDashboardAndAlerts(t *testing.T) {
	metrics := exposed(t)
	used := map[string]bool{}

	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	raw, err := os.ReadFile(filepath.Join(root(t), "deploy/grafana/bizsync.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("%s: an empty panel", panel.Title)
		}
		for _, target := range panel.Targets {
			for _, name := range checkExpression(t, panel.Title, target.Expr, metrics) {
				used[name] = true
			}
		}
	}
	for name := range metrics {
		if strings.HasPrefix(name, "bizsync_") && !used[name] {
			t.Errorf("the dashboard doesn't show %s", name)
		}
	}

	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				For                 time.Duration
				Labels, Annotations map[string]string
			}
		}
	}
	readYAML(t, "deploy/prometheus/alerts.yml", &alerts)
	count := 0
	for _, g := range alerts.Groups {
		for _, a := range g.Rules {
			count++
			if len(checkExpression(t, a.Alert, a.Expr, metrics)) == 0 && !strings.Contains(a.Expr, `up{job="bizsync"}`) {
				t.Errorf("%s looks at nothing of ours: %s", a.Alert, a.Expr)
			}
			if s := a.Labels["severity"]; s != "critical" && s != "warning" {
				t.Errorf("%s: severity %q", a.Alert, s)
			}
			if a.Annotations["summary"] == "" || a.Annotations["runbook"] == "" {
				t.Errorf("%s doesn't say what it means and what to do", a.Alert)
			}
			checkFlags(t, a.Alert, a.Annotations["runbook"])
		}
	}
	if count == 0 || len(dashboard.Panels) == 0 {
		t.Errorf("%d alerts, %d panels", count, len(dashboard.Panels))
	}
}

// The nodes that are scraped are those of compose.yaml, at their admin address.
func TestPrometheusReadsTheNodesOfCompose(t *testing.T) {
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName       string                       `yaml:"job_name"`
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, "deploy/prometheus/prometheus.yml", &config)
	if !slices.Equal(config.RuleFiles, []string{"alerts.yml"}) || len(config.ScrapeConfigs) != 1 || config.ScrapeConfigs[0].JobName != "bizsync" {
		t.Fatalf("%+v", config)
	}
	services := readCompose(t)
	for _, target := range config.ScrapeConfigs[0].StaticConfigs[0].Targets {
		host, port, err := net.SplitHostPort(target)
		if err != nil || services[host].Environment["BIZSYNC_ADMIN_ADDR"] != ":"+port {
			t.Errorf("%s: compose.yaml has the admin address %q there, %v", target, services[host].Environment["BIZSYNC_ADMIN_ADDR"], err)
		}
	}
}

// composeService is what the tests look at.
type composeService struct {
	Environment     map[string]string
	StopGracePeriod time.Duration                         `yaml:"stop_grace_period"`
	DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck     struct{ Test []string }
	Ports           []string
}

func readCompose(t *testing.T) map[string]composeService {
	t.Helper()
	var compose struct{ Services map[string]composeService }
	readYAML(t, "compose.yaml", &compose)
	return compose.Services
}

// compose.yaml gives nodes settings that exist and time to end, has no default passwords, and shows nothing to the world but the balancer.
func TestCompose(t *testing.T) {
	flags := serveFlags(t)
	services := readCompose(t)
	nodes := 0
	for name, s := range services {
		if len(s.Healthcheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		if len(s.Ports) > 0 && name != "balancer" {
			t.Errorf("%s is reached from outside: %v", name, s.Ports)
		}
		for dependency, d := range s.DependsOn {
			if d.Condition != "service_healthy" {
				t.Errorf("%s waits for %s to be %q", name, dependency, d.Condition)
			}
		}
		if !strings.HasPrefix(name, "node") {
			continue
		}
		nodes++
		for variable := range s.Environment {
			if !flags[variable] && variable != "BIZSYNC_ADMIN_EMAIL" && variable != "BIZSYNC_ADMIN_PASSWORD" {
				t.Errorf("%s: there is no setting %s", name, variable)
			}
		}
		if s.StopGracePeriod <= stopTime+time.Second {
			t.Errorf("%s has %v to end, and takes up to 10 s", name, s.StopGracePeriod)
		}
		if s.DependsOn["postgres"].Condition == "" || s.DependsOn["redis"].Condition == "" {
			t.Errorf("%s doesn't wait for the database and Redis", name)
		}
		if services["balancer"].Environment["BIZSYNC_NODE_"+strings.TrimPrefix(name, "node")] != name+s.Environment["BIZSYNC_ADDR"] {
			t.Errorf("the balancer doesn't know %s", name)
		}
	}
	if nodes != 2 {
		t.Errorf("%d nodes", nodes)
	}

	text, err := os.ReadFile(filepath.Join(root(t), "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root(t), ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+)(:[^}]*)?`).FindAllStringSubmatch(string(text), -1) {
		// The first account is optional; whoever names it names its password.
		if strings.Contains(m[1], "PASSWORD") && !strings.HasPrefix(m[2], ":?") && m[1] != "BIZSYNC_ADMIN_PASSWORD" {
			t.Errorf("%s may be missing: %s", m[1], m[0])
		}
		if !regexp.MustCompile(`(?m)^(?:# )?` + m[1] + `=`).Match(example) {
			t.Errorf(".env.example doesn't name %s", m[1])
		}
	}
	if m := regexp.MustCompile(`(?m)^[A-Z_]*PASSWORD=.+`).Find(example); m != nil {
		t.Errorf(".env.example has a password: %s", m)
	}
}

// serveFlags has the environment variables of all settings of serve.
func serveFlags(t *testing.T) map[string]bool {
	t.Helper()
	var cli commands
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]bool{}
	for _, group := range parser.Model.Node.Children[0].AllFlags(true) {
		for _, f := range group {
			flags[envName(f.Name)] = true
		}
	}
	return flags
}

// checkFlags finds flags that a text names and serve doesn't have.
func checkFlags(t *testing.T, where, text string) {
	t.Helper()
	flags := serveFlags(t)
	for _, m := range flagName.FindAllStringSubmatch(text, -1) {
		if !flags[envName(m[1])] {
			t.Errorf("%s: there is no --%s", where, m[1])
		}
	}
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
