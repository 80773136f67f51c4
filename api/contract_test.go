package api

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// update has golden files written instead of compared.
var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// goldenDocument is the OpenAPI document from which the browser application's types are made.
const goldenDocument = "../web/src/api/openapi.json"

// The document that clients are made from is the one that is served.
func TestOpenAPIDocument(t *testing.T) {
	h := newHarness(t, nil)
	served := h.anonymous().call("GET", prefix+"/openapi.json", nil).wants(200, "").body
	served = append(bytes.TrimSpace(served), '\n')
	if *update {
		if err := os.WriteFile(filepath.FromSlash(goldenDocument), served, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(filepath.FromSlash(goldenDocument))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, served) {
		t.Errorf("%s is out of date: go test ./api -run TestOpenAPIDocument -update", goldenDocument)
	}
}
