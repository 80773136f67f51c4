package lab

import (
	"os"
	"os/exec"
	"testing"
)

// Processor time is that of a process with its children, those included that have ended.
func TestProcessorTime(t *testing.T) {
	before, err := ProcessorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	own, err := OwnProcessorTime()
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	after, err := ProcessorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	ownAfter, err := OwnProcessorTime()
	if err != nil {
		t.Fatal(err)
	}
	if spent, alone := after-before, ownAfter-own; spent < 3*tick || alone >= spent {
		t.Errorf("a busy child used %v, the process alone %v", spent, alone)
	}
	fine, err := FineProcessorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if difference := (fine - ownAfter).Abs(); difference > 3*tick {
		t.Errorf("%v by threads, %v by the process", fine, ownAfter)
	}
	if size, err := RSS(os.Getpid()); err != nil || size < 1<<20 {
		t.Errorf("%d bytes of memory (%v)", size, err)
	}
	if size, err := PSS(os.Getpid()); err != nil || size < 1<<20 {
		t.Errorf("%d bytes of memory with children (%v)", size, err)
	}
	if _, err := ProcessorTime(1 << 30); err == nil {
		t.Error("a process that isn't there has a time")
	}
}
