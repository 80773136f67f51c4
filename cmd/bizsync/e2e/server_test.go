package e2e

import (
	"net/http"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// server is the program, and ways to talk to it.
type server struct{ *rig.Server }

// startServer starts a server that ends with the test. args are further flags.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	return &server{rig.StartServer(t, program, append([]string{"--log-level", "debug"}, args...)...)}
}

func TestTheServerStartsAndStops(t *testing.T) {
	s := startServer(t)
	p := s.Admin()
	doc := p.Document("A first one")
	s.Kill()
	s.Restart()
	var d struct {
		Title string `json:"title"`
	}
	p.Call("GET", "/documents/"+doc, nil, http.StatusOK, &d) // the login survives, too
	if d.Title != "A first one" {
		t.Errorf("title %q", d.Title)
	}
}
