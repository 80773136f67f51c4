package api

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

const (
	// answerStall is how long whoever asked may take nothing of an answer.
	answerStall = 20 * time.Second
	// answerChunk is how much of a long answer goes out under one deadline.
	answerChunk = 64 << 10
)

// givesUp cuts answers off that nobody takes: a whole answer has no limit in time, since lines are slow and documents large, but without progress for the stall time
// its connection is ended, and with it what it holds.
func givesUp(stall time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p := &patient{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
			// For what the server writes by itself: "100 Continue" before the body is read, and behind the handler what is left in its buffer.
			// The deadline of the answer before on the same connection is over by now.
			_ = p.extend()
			defer func() { _ = p.extend() }()
			next.ServeHTTP(p, r)
		})
	}
}

// patient writes an answer with a deadline for each part of it.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	theirs  bool // the handler has deadlines of its own, or the connection
}

// extend sets the deadline for what is written next. It fails where the writer has none: in tests that record answers.
func (p *patient) extend() error {
	if p.theirs {
		return nil
	}
	return p.control.SetWriteDeadline(time.Now().Add(p.stall))
}

// Write sends b in chunks.
func (p *patient) Write(b []byte) (n int, err error) {
	for first := true; first || n < len(b); first = false {
		_ = p.extend()
		m, err := p.ResponseWriter.Write(b[n:min(n+answerChunk, len(b))])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// SetWriteDeadline lets a handler have its own deadlines.
func (p *patient) SetWriteDeadline(t time.Time) error {
	p.theirs = true
	return p.control.SetWriteDeadline(t)
}

// Hijack gives the connection away, and all deadlines with it.
func (p *patient) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	p.theirs = true
	return p.control.Hijack()
}

// Unwrap gives the writer below.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
