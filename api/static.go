package api

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// static serves the browser application. Its pages are routes of its own: every path that is no file is answered with index.html.
type static struct {
	files fs.FS
	index []byte
}

// newStatic reads index.html; nil files give a nil static.
func newStatic(files fs.FS) (*static, error) {
	if files == nil {
		return nil, nil
	}
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("browser application: %w", err)
	}
	return &static{files: files, index: index}, nil
}

// serve answers a request for a file or a page; it says no for a file that isn't there.
func (s *static) serve(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if name != "" && name != "index.html" {
		b, err := fs.ReadFile(s.files, name)
		if err == nil {
			cache := "no-cache"
			if strings.HasPrefix(name, "assets/") {
				cache = "public, max-age=31536000, immutable" // their names change with their content
			}
			w.Header().Set("Cache-Control", cache)
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
			return true
		}
		// A document's page may have a dot in its name, a file at the top is a file.
		file := strings.HasPrefix(name, "assets/") || path.Ext(name) != "" && !strings.Contains(name, "/")
		if file || errors.Is(err, fs.ErrInvalid) {
			return false
		}
	}
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(s.index))
	return true
}
