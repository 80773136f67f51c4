package attacks

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// server is the program, and ways to look at its process.
type server struct {
	*rig.Server
	t       testing.TB
	metrics string // base URL of the admin address, in its first life
}

// startServer starts a server that ends with the test. Attackers come over a proxy that is believed, so that each can have an address of its own.
func startServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, Server: rig.StartServer(t, program, "--log-level", "info", "--admin-addr", rig.AnyPort, "--trusted-proxies", "127.0.0.1/32")}
	s.metrics = s.AdminURL()
	return s
}

// memory is what the process holds, in MiB.
type memory struct {
	held float64 // of the machine's memory, without what the heap has free and will give back
	live float64 // of live objects
}

// memory has garbage collected and then looks.
func (s *server) memory() memory {
	s.t.Helper()
	s.Get(s.metrics + "/debug/pprof/heap?gc=1")
	values := map[string]float64{}
	for line := range strings.Lines(string(s.Get(s.metrics + "/metrics"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "go_memstats_heap_") {
			bytes, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			values[strings.TrimPrefix(name, "go_memstats_heap_")] = bytes / (1 << 20)
		}
	}
	if values["alloc_bytes"] == 0 || values["idle_bytes"] == 0 {
		s.t.Fatalf("the metrics don't tell of the heap: %v", values)
	}
	return memory{held: s.status("VmRSS") - values["idle_bytes"] + values["released_bytes"], live: values["alloc_bytes"]}
}

// status reads a size of the process from Linux, in MiB.
func (s *server) status(name string) float64 {
	s.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			var kib float64
			if _, err := fmt.Sscanf(v, "%f kB", &kib); err != nil {
				s.t.Fatalf("%s: %q: %v", name, v, err)
			}
			return kib / 1024
		}
	}
	s.t.Fatalf("no %s in /proc/%d/status", name, s.PID())
	return 0
}

// forget makes Linux forget how much the process held at most.
func (s *server) forget() {
	s.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.PID()), []byte("5"), 0); err != nil {
		s.t.Fatal(err)
	}
}
