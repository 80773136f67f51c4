package main

import (
	"testing"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/lab/timing"
)

func TestMeets(t *testing.T) {
	var h timing.Histogram
	if got := meets(&h, time.Hour); got != "not met" {
		t.Errorf("nothing was measured: %s", got)
	}
	h.Add(time.Hour)
	for target, want := range map[time.Duration]string{time.Minute: "not met", time.Hour: "met"} {
		if got := meets(&h, target); got != want {
			t.Errorf("an hour, at most %v: %s", target, got)
		}
	}
}
