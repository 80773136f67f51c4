package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A container without a shell asks its own server, by the settings that the server has.
func TestHealthcheck(t *testing.T) {
	s := start(t, t.TempDir(), nil)
	own, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(env map[string]string, args ...string) (string, error) {
		p, out := invocation(append([]string{"healthcheck"}, args...), env)
		err := run(t.Context(), p)
		return out.String(), err
	}
	for name, tt := range map[string]struct {
		args []string
		env  map[string]string
	}{
		"address":                      {args: []string{"--addr", own.Host}},
		"address from the environment": {env: map[string]string{"BIZSYNC_ADDR": own.Host}},
		"any address":                  {env: map[string]string{"BIZSYNC_ADDR": ":" + own.Port()}},
		"any IPv4 address":             {args: []string{"--addr", "0.0.0.0:" + own.Port()}},
		"URL":                          {args: []string{"--url", s.url}},
		"URL with a slash":             {args: []string{"--url", s.url + "/", "--addr", "localhost:1"}},
	} {
		if out, err := ask(tt.env, tt.args...); err != nil || !strings.Contains(out, `"status":"ok"`) {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	s.ends()
	if out, err := ask(nil, "--url", s.url); err == nil || !strings.Contains(err.Error(), own.Host) || out != "" {
		t.Errorf("after its end: %q, %v", out, err)
	}
}

func TestHealthcheckOfANodeThatIsNotReady(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.Path
		http.Error(w, `{"status":"stopping"}`, http.StatusServiceUnavailable)
	}))
	defer s.Close()
	p, out := invocation([]string{"healthcheck", "--url", s.URL}, nil)
	if err := run(t.Context(), p); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "stopping") || out.String() != "" {
		t.Errorf("%v, %q", err, out)
	}
	if asked != "GET /readyz" {
		t.Errorf("asked %q", asked)
	}
}

func TestHealthcheckSettings(t *testing.T) {
	for _, args := range [][]string{{"--addr", "8080"}, {"--addr", "localhost:0"}, {"--addr", "localhost:"}, {"--url", "localhost:8080"}, {"--url", "ftp://localhost"}, {"--url", "http://"}} {
		p, _ := invocation(append([]string{"healthcheck"}, args...), nil)
		if _, err := parse(p); err == nil || !strings.Contains(err.Error(), "should look like") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
