package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bizsync/bizsync"

// mayImport says which packages of ours each part may import; a part is a folder and all below it that has no entry of its own. "..." is everything.
var mayImport = map[string][]string{
	"cmd/bizsync":      {"..."},
	"api":              {"collab", "collab/crdt", "store"},
	"collab":           {"collab/crdt", "store"},
	"collab/crdt":      {"collab/crdt"},
	"collab/crdt/lib0": {},
	"collab/relay":     {},
	"store":            {},
	"store/postgres":   {"store", "migrations"},
	"store/sqlite":     {"store", "migrations"},
	"store/redis":      {"store"},
	"store/storetest":  {"store"},
	"migrations":       {},
	"web":              {},
}

// testsMayImport is what tests may use beside that: real implementations instead of mocks.
var testsMayImport = []string{"store/sqlite", "store/postgres", "store/redis", "store/storetest", "collab/relay"}

// fences say which parts alone may import a module from elsewhere, or a package of the standard library.
var fences = []struct {
	imported string
	only     []string
}{
	{"github.com/jackc/pgx", []string{"store/postgres"}},
	{"github.com/redis/go-redis", []string{"collab/relay", "store/redis"}},
	{"modernc.org/sqlite", []string{"store/sqlite"}},
	{"github.com/golang-migrate/migrate", []string{"store/sqlite", "store/postgres"}},
	{"github.com/coder/websocket", []string{"api", "cmd/bizsync"}},
	{"github.com/go-chi/chi", []string{"api"}},
	{"github.com/danielgtaylor/huma", []string{"api"}},
	{"github.com/golang-jwt/jwt", []string{"api"}},
	{"github.com/alexedwards/argon2id", []string{"api"}},
	{"github.com/alecthomas/kong", []string{"cmd/bizsync"}},
	{"net/http", []string{"api", "cmd/bizsync"}},
	{"database/sql", []string{"store/sqlite", "store/postgres"}},
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath, Name, Doc              string
	Imports, TestImports, XTestImports []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		// A package of an npm module is none of ours.
		if !strings.Contains(p.ImportPath, "node_modules") {
			all = append(all, p)
		}
	}
}

// root is the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// part gives the entry of mayImport that a folder belongs to, "" for none.
func part(folder string) string {
	for ; folder != "." && folder != ""; folder = path.Dir(folder) {
		if _, ok := mayImport[folder]; ok {
			return folder
		}
	}
	return ""
}

func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		here := part(folder)
		if here == "" {
			t.Errorf("%s is no part of the layout", p.ImportPath)
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if slices.Contains([]string{"util", "utils", "common", "types", "helpers", "mocks"}, p.Name) {
			t.Errorf("%s: the name says nothing of its purpose", p.ImportPath)
		}
		check := func(imports []string, extra []string) {
			for _, imported := range imports {
				for _, f := range fences {
					if (imported == f.imported || strings.HasPrefix(imported, f.imported+"/")) && !slices.Contains(f.only, here) {
						t.Errorf("%s imports %s, which only %v may", p.ImportPath, imported, f.only)
					}
				}
				if !strings.HasPrefix(imported, module+"/") {
					continue
				}
				there := part(strings.TrimPrefix(imported, module+"/"))
				allowed := slices.Concat(mayImport[here], extra, []string{here})
				if !slices.ContainsFunc(allowed, func(a string) bool { return a == "..." || a == there || within(there, a) }) {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
			}
		}
		check(p.Imports, nil)
		check(slices.Concat(p.TestImports, p.XTestImports), testsMayImport)
	}
}

// within says whether a part of the engine lies below another: who may use the engine may use its byte formats.
func within(there, allowed string) bool {
	return allowed == "collab/crdt" && there == "collab/crdt/lib0"
}

// Files stay short enough to be read in one go.
func TestFilesAreShort(t *testing.T) {
	const most = 600
	seen := 0
	err := filepath.WalkDir(root(t), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "node_modules", "dist", "testdata"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".sql", ".ts", ".tsx", ".js", ".mjs", ".css", ".html"}, filepath.Ext(name)) {
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(b, []byte("// Made from ")) {
			return nil // by a program
		}
		seen++
		if lines := bytes.Count(b, []byte("\n")); lines > most {
			t.Errorf("%s has %d lines, more than %d", name, lines, most)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("only %d files were looked at", seen)
	}
}
