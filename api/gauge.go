package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

const (
	// maxBodyValues bounds the values in a body, each of which takes up to a hundred times the bytes that stand for it once it is decoded.
	maxBodyValues = 10_000
	// maxBodyDepth bounds how deep they nest.
	maxBodyDepth = 32
)

var errGauge = errors.New("the body has more in it than any operation takes")

// gauge reads a body and refuses one that would take much memory decoded, before anything is decoded: huma makes values of all of it before it looks at the schema. It counts
// right in what is JSON; anything else is refused later, without being decoded. It belongs to one request.
type gauge struct {
	from     io.Reader
	most     int64 // bytes that are read of a body that is refused, so that its sender hears of it
	values   int
	depth    int
	quoted   bool // within a string
	escaped  bool // behind a backslash
	exceeded bool
}

// Read gives errGauge when it has read too much. It must not be called after that.
func (g *gauge) Read(b []byte) (int, error) {
	n, err := g.from.Read(b)
	if g.count(b[:n]) {
		return n, err
	}
	g.exceeded = true
	if _, err := io.Copy(io.Discard, io.LimitReader(g.from, g.most)); err != nil {
		return 0, fmt.Errorf("%w; then: %w", errGauge, err)
	}
	return 0, errGauge
}

// count says whether the body may go on after b. Each value but the first has a comma or an opening bracket before it, outside of strings.
func (g *gauge) count(b []byte) bool {
	for _, c := range b {
		switch {
		case g.escaped:
			g.escaped = false
		case g.quoted:
			g.quoted, g.escaped = c != '"', c == '\\'
		case c == '"':
			g.quoted = true
		case c == ',':
			g.values++
		case c == '[', c == '{':
			g.values++
			g.depth++
		case c == ']', c == '}':
			g.depth--
		}
		if g.values >= maxBodyValues || g.depth > maxBodyDepth {
			return false
		}
	}
	return true
}

// humaContext has another name than its method Context, beside which it is embedded.
type humaContext huma.Context

// gauged is the context of a request whose body goes through a gauge.
type gauged struct {
	humaContext
	body *gauge
}

// BodyReader gives the body as far as it may go.
func (c *gauged) BodyReader() io.Reader { return c.body }

// SetStatus answers a body that the gauge refused as what it is: to huma it is one that can't be read, which would be our fault.
func (c *gauged) SetStatus(code int) {
	if c.body.exceeded {
		code = http.StatusUnprocessableEntity
	}
	c.humaContext.SetStatus(code)
}

// Unwrap gives the context beneath.
func (c *gauged) Unwrap() huma.Context { return c.humaContext }

// refusal is the problem of a request whose body the gauge refused, if it did.
func refusal(ctx huma.Context) (p *Problem, refused bool) {
	c, ok := ctx.(*gauged)
	if !ok || !c.body.exceeded {
		return nil, false
	}
	return invalid("body", fmt.Sprintf("a body has at most %d values, nested at most %d deep", maxBodyValues, maxBodyDepth)), true
}

// gauging is a middleware; it must be the last one, as huma has to see its context.
func gauging(ctx huma.Context, next func(huma.Context)) {
	next(&gauged{humaContext: ctx, body: &gauge{from: ctx.BodyReader(), most: ctx.Operation().MaxBodyBytes}})
}
