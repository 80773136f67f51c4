package api

import (
	"encoding/base64"
	"os"
	"testing"

	"github.com/bizsync/bizsync/store"
)

// TestContentFormats reads one document of each kind in every format, and an empty one.
func TestContentFormats(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	rich, err := os.ReadFile("../collab/crdt/richtext/testdata/lists.yjs")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile("../collab/crdt/richtext/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const script = "<script>alert(1)</script>\n"
	for name, tt := range map[string]struct {
		create map[string]any
		want   map[string]string // by format
	}{
		"rich":       {map[string]any{"content": base64.StdEncoding.EncodeToString(rich), "format": "yjs"}, map[string]string{"markdown": read("lists.md"), "html": read("lists.html")}},
		"text":       {map[string]any{"content": script, "kind": "text"}, map[string]string{"markdown": script, "html": "<pre>&lt;script&gt;alert(1)&lt;/script&gt;\n</pre>", "json": `[{"insert":"<script>alert(1)</script>\n"}]`}},
		"empty rich": {map[string]any{}, map[string]string{"markdown": "", "html": "", "json": `{"type":"doc","content":[]}`}},
		"empty text": {map[string]any{"kind": "text"}, map[string]string{"markdown": "", "html": "<pre></pre>", "json": "[]"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.create["title"] = name
			d := decode[Document](ann.begins(tt.create).wants(201, ""))
			path := "/api/v1/documents/" + d.ID.String() + "/content?format="
			for format, want := range tt.want {
				r := ann.call("GET", path+format, nil).wants(200, "")
				if string(r.body) != want {
					t.Errorf("%s: %s, want %s", format, r.body, want)
				}
				kind := map[string]string{"markdown": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8", "json": "application/json"}[format]
				if got := r.header.Get("Content-Type"); got != kind || r.header.Get("ETag") == "" {
					t.Errorf("%s: type %q, ETag %q", format, got, r.header.Get("ETag"))
				}
			}
		})
	}
}
