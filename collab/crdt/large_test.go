package crdt_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bizsync/bizsync/collab/crdt"
)

const (
	largeParagraph = 1000
	largeCount     = 50_000 // paragraphs: 50 MB
	largeChild     = "CRDT_LARGE_DOCUMENT"
)

// TestLargeDocument loads a document of 50 MB, makes a server's edit in it and
// reads its text, in a process of its own whose peak memory, all counted, must be
// at most four times the document. That process collects garbage when the heap has
// grown by a fifth, and more eagerly above 128 MiB (GOGC=20 GOMEMLIMIT=128MiB).
func TestLargeDocument(t *testing.T) {
	if file := os.Getenv(largeChild); file != "" {
		useLarge(t, file)
		return
	}
	file := t.TempDir() + "/document"
	paragraph := strings.Repeat("All that people write. ", largeParagraph/23+1)[:largeParagraph]
	b := update(typist, 0, backwards(largeCount, paragraph)...)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLargeDocument$", "-test.v")
	cmd.Env = append(os.Environ(), largeChild+"="+file, "GOGC=20", "GOMEMLIMIT=128MiB")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("a document of %d MB\n%s", len(b)/1e6, out)
}

// peakMemory gives the most memory that this process has had, in bytes. The system's
// rusage would count what its parent had, too.
func peakMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kb int
	if _, err := fmt.Sscan(after, &kb); err != nil {
		t.Fatalf("read the peak memory: %v", err)
	}
	return kb << 10
}

// useLarge is what TestLargeDocument does in the process of its own.
func useLarge(t *testing.T, file string) {
	last := time.Now()
	step := func(what string) {
		t.Logf("%s: %v, peak memory so far %d MB", what, time.Since(last).Round(time.Millisecond), peakMemory(t)/1e6)
		last = time.Now()
	}
	s := crdt.NewState()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	size := len(b)
	s.Apply(parse(t, b))
	step("check and load the state")
	d, err := crdt.NewDoc(s)
	if err != nil {
		t.Fatal(err)
	}
	step("integrate")
	u, err := d.Edit(1, func(tx *crdt.Tx) error {
		return tx.InsertText(tx.Root("text", crdt.KindText), largeCount*largeParagraph/2, "an edit", nil)
	})
	if err != nil || len(u.Bytes()) > 100 {
		t.Fatalf("an edit of %d bytes: %v", len(u.Bytes()), err)
	}
	step("edit in the middle")
	text := d.Text("text")
	step("read the text")
	if len(text) != largeCount*largeParagraph+len("an edit") || !strings.Contains(text, "an edit") {
		t.Fatalf("a text of %d bytes", len(text))
	}
	if peak := peakMemory(t); peak > 4*size {
		t.Errorf("a document of %d bytes takes %d bytes of memory", size, peak)
	} else {
		t.Logf("%.1f times the document", float64(peak)/float64(size))
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	t.Logf("heap in use at the end: %d MB", m.HeapAlloc/1e6)
	runtime.KeepAlive(d)
	runtime.KeepAlive(text)
}
