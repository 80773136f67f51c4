package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bizsync/bizsync/store"
)

// A body of many values is refused before they are made: 8 MiB of them would be 300 MiB.
func TestBodiesOfManyValues(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	many := func(size int) string {
		return `{"title":[` + strings.TrimSuffix(strings.Repeat(`{},`, size/3), ",") + `]}`
	}
	path := "/api/v1/documents/" + ann.document("Plans", nil).ID.String()
	for name, c := range map[string]struct{ method, path, body string }{
		"large":     {"POST", "/api/v1/documents", many(maxDraftBody - 100)},
		"small":     {"POST", "/api/v1/documents", many(maxBodyBytes - 100)},
		"deep":      {"POST", "/api/v1/documents", `{"title":` + strings.Repeat("[", maxBodyDepth) + strings.Repeat("]", maxBodyDepth) + `}`},
		"of others": {"PATCH", path, many(maxBodyBytes - 100)},
		"names":     {"PATCH", path, `{` + strings.Repeat(`"x":1,`, maxBodyValues) + `"title":"Plans"}`},
	} {
		for _, p := range []*person{ann, ann.repeating(name)} {
			r := p.call(c.method, c.path, c.body).wants(422, codeValidation)
			if fields := decode[Problem](r).Errors; len(fields) != 1 || fields[0].Location != "body" || !strings.Contains(fields[0].Message, "values") {
				t.Errorf("%s: %s", name, r.body)
			}
		}
	}
	// What is made of it all is counted, with what the test's own client takes.
	body := many(maxDraftBody - 100)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ann.call("POST", "/api/v1/documents", body).wants(422, codeValidation)
	runtime.ReadMemStats(&after)
	if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 64 {
		t.Errorf("%d MiB were allocated", made)
	}
	// Marks within strings are text.
	ann.begins(map[string]any{"title": "Text", "kind": "text", "content": strings.Repeat(`[{,\"`, maxBodyValues)}).wants(201, "")
}

func TestGauge(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"nothing":             {``, true},
		"as many as may be":   {`[` + strings.Repeat("1,", maxBodyValues-2) + `1]`, true},
		"one more":            {`[` + strings.Repeat("1,", maxBodyValues-1) + `1]`, false},
		"as deep as may be":   {strings.Repeat(`[`, maxBodyDepth) + strings.Repeat(`]`, maxBodyDepth), true},
		"deeper":              {strings.Repeat(`[`, maxBodyDepth+1) + strings.Repeat(`]`, maxBodyDepth+1), false},
		"deeper, objects":     {strings.Repeat(`{"a":`, maxBodyDepth+1) + "1" + strings.Repeat(`}`, maxBodyDepth+1), false},
		"one after the other": {`[` + strings.Repeat("[],", maxBodyDepth) + `1]`, true},
		"in a string":         {`"` + strings.Repeat(`,[{`, maxBodyValues) + `"`, true},
		"behind a quote":      {`"\"` + strings.Repeat(`,[{`, maxBodyValues) + `"`, true},
		"behind a backslash":  {`["\\"` + strings.Repeat(`,1`, maxBodyValues) + `]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			for how, from := range map[string]io.Reader{"at once": strings.NewReader(c.body), "byte by byte": iotest.OneByteReader(strings.NewReader(c.body))} {
				got, err := io.ReadAll(&gauge{from: from, most: maxBodyBytes})
				if c.ok && (err != nil || string(got) != c.body) || !c.ok && !errors.Is(err, errGauge) {
					t.Errorf("%s: %d of %d bytes, %v", how, len(got), len(c.body), err)
				}
				if rest, err := io.ReadAll(from); err != nil || len(rest) > 0 {
					t.Errorf("%s: %d bytes left, %v", how, len(rest), err)
				}
			}
		})
	}
}

// What passes the gauge is no more than it says, whatever it is that encoding/json makes of it.
func FuzzGauge(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"x\\",{}],"b\"":null}`, `["\u005c",[[]]]`, `"`, `]]]`, strings.Repeat("[", 40)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		g := &gauge{from: bytes.NewReader(body), most: maxBodyBytes}
		_, err := io.ReadAll(g)
		var v any
		if json.Unmarshal(body, &v) != nil {
			return
		}
		values, depth := measure(v)
		if err == nil && (values > maxBodyValues || depth > maxBodyDepth || values > g.values+1) {
			t.Errorf("%d values, %d deep; %d were counted", values, depth, g.values)
		}
		if err != nil && depth <= maxBodyDepth && len(body) < maxBodyValues {
			t.Errorf("refused with %d values, %d deep", values, depth)
		}
	})
}

// measure counts values and how deep they nest.
func measure(v any) (values, depth int) {
	within := func(e any) {
		n, d := measure(e)
		values, depth = values+n, max(depth, d)
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			within(e)
		}
	case map[string]any:
		for _, e := range v {
			within(e)
		}
	default:
		return 1, 0
	}
	return values + 1, depth + 1
}
