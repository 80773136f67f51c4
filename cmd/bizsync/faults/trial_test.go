package faults

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

// trial is one try of a fault. What goes wrong in it is a value, not the end of a test: on a broken build it has to go wrong.
type trial struct {
	logf     func(format string, args ...any)
	errs     []error
	cleanups []func()
}

// verdict is the oracle's: the cluster broke a promise. All other errors are the suite's own troubles.
type verdict struct{ text string }

func (v verdict) Error() string { return v.text }

// condemned says whether the oracle has spoken.
func condemned(err error) bool {
	var v verdict
	return errors.As(err, &v)
}

// try runs f in a goroutine of its own, and then what it left to be cleaned up.
func try(logf func(format string, args ...any), f func(*trial)) error {
	r := &trial{logf: logf}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				r.complain(fmt.Errorf("the suite panics: %v\n%s", p, debug.Stack()))
			}
			for len(r.cleanups) > 0 {
				last := r.cleanups[len(r.cleanups)-1]
				r.cleanups = r.cleanups[:len(r.cleanups)-1]
				last()
			}
		}()
		f(r)
	}()
	<-done
	return errors.Join(r.errs...)
}

// cleanup has f called when the trial is over; the last one first. f must not call must or fatal.
func (r *trial) cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// complain notes what is wrong and goes on.
func (r *trial) complain(err error) { r.errs = append(r.errs, err) }

// broken notes that the cluster broke a promise, and goes on.
func (r *trial) broken(format string, args ...any) { r.complain(verdict{fmt.Sprintf(format, args...)}) }

// must ends the trial if there is an error. Like testing.T's Fatal it may only be called by the trial's own goroutine.
func (r *trial) must(err error) {
	if err != nil {
		r.complain(err)
		runtime.Goexit()
	}
}
