package api

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/bizsync/bizsync/store"
)

func TestNormalOrigin(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"http://localhost:8080", "http://localhost:8080"},
		{"HTTPS://Docs.Example.COM", "https://docs.example.com"},
		{"https://docs.example.com:443", "https://docs.example.com"},
		{"http://docs.example.com:80", "http://docs.example.com"},
		{"http://docs.example.com:443", "http://docs.example.com:443"},
		{"http://[::1]:80", "http://[::1]"},
		{"http://[::1]:8080", "http://[::1]:8080"},
		{"null", ""}, {"", ""}, {"https://", ""}, {"docs.example.com", ""}, {"file://x", ""}, {"https://a.com/path", ""}, {"https://me@a.com", ""}, {"https://a.com?x", ""}, {"chrome-extension://abc", ""},
	} {
		if got, ok := normalOrigin(tt.in); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.in, got, ok)
		}
	}
}

func TestCheckOrigins(t *testing.T) {
	for _, good := range []string{"", "https://docs.example.com", "https://docs.example.com/", "http://localhost:8080"} {
		if err := CheckOrigins(good, nil); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"docs.example.com", "ftp://x", "https://x/path", "https://x?y", "://", "https://me:pw@x"} {
		if err := CheckOrigins(bad, nil); err == nil {
			t.Errorf("public URL %q is taken", bad)
		}
	}
	if err := CheckOrigins("", []string{"https://a.example.com", " https://b.example.com"}); err != nil {
		t.Errorf("a space after the comma: %v", err)
	}
	for _, bad := range []string{"*", "null", "https://*.example.com/x", "example.com"} {
		if err := CheckOrigins("", []string{bad}); err == nil {
			t.Errorf("allowed origin %q is taken", bad)
		}
	}
}

// What a client writes into X-Forwarded-For by itself changes nothing; what trusted proxies append is read from the right.
func TestAddressOfRequest(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::ffff:172.16.0.0/108")}
	o, err := newOrigins("", nil, proxies)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"direct", "192.0.2.1:1", nil, "192.0.2.1"},
		{"a client's own claim", "192.0.2.1:1", []string{"198.51.100.9"}, "192.0.2.1"},
		{"a client's claim to be a proxy", "192.0.2.1:1", []string{"10.0.0.1"}, "192.0.2.1"},
		{"a client's claim of many hops", "192.0.2.1:1", []string{"198.51.100.9, 10.0.0.1, 10.0.0.2", "10.0.0.3"}, "192.0.2.1"},
		{"through a proxy", "10.0.0.1:1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"through two", "10.0.0.1:1", []string{"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		{"through two, in two headers", "10.0.0.1:1", []string{"192.0.2.1", "10.0.0.2"}, "192.0.2.1"},
		{"through three, in two headers", "10.0.0.1:1", []string{"192.0.2.1", "10.0.0.3,10.0.0.2"}, "192.0.2.1"},
		{"with a claim in front", "10.0.0.1:1", []string{"198.51.100.9, 192.0.2.1"}, "192.0.2.1"},
		{"with a claim in a header of its own", "10.0.0.1:1", []string{"198.51.100.9", "192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		{"with a claim to be a proxy in front", "10.0.0.1:1", []string{"10.0.0.9, 192.0.2.1"}, "192.0.2.1"},
		{"with garbage in front", "10.0.0.1:1", []string{"x, 192.0.2.1"}, "192.0.2.1"},
		{"with garbage last", "10.0.0.1:1", []string{"192.0.2.1, x"}, "10.0.0.1"},
		{"with garbage behind a proxy", "10.0.0.1:1", []string{"192.0.2.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"with empty elements", "10.0.0.1:1", []string{"", ", 192.0.2.1,, 10.0.0.2 ,", " "}, "192.0.2.1"},
		{"nothing but commas", "10.0.0.1:1", []string{",,,"}, "10.0.0.1"},
		{"proxy without a header", "10.0.0.1:1", nil, "10.0.0.1"},
		{"proxies only", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"version 6", "[fd00::1]:1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"version 6 with a zone", "10.0.0.1:1", []string{"2001:db8::7%eth0"}, "2001:db8::7"},
		{"a proxy on the link", "[fe80::1%eth0]:1", []string{"192.0.2.1, fe80::2%eth1"}, "192.0.2.1"},
		{"version 4 in version 6", "[::ffff:10.0.0.1]:1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"version 4 in version 6, forwarded", "10.0.0.1:1", []string{"192.0.2.1, ::ffff:10.0.0.2"}, "192.0.2.1"},
		{"a network of version 4 in version 6", "172.31.0.1:1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"just outside that network", "172.32.0.1:1", []string{"192.0.2.1"}, "172.32.0.1"},
		{"with a port", "10.0.0.1:1", []string{"192.0.2.1:54321"}, "192.0.2.1"},
		{"version 6 with a port", "10.0.0.1:1", []string{"[2001:db8::7]:443, [fd00::1]:80"}, "2001:db8::7"},
		{"version 6 in brackets", "10.0.0.1:1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"version 4 in brackets", "10.0.0.1:1", []string{"[192.0.2.1]"}, "10.0.0.1"},
		{"a bad port", "10.0.0.1:1", []string{"192.0.2.1:port"}, "10.0.0.1"},
		{"a host name", "10.0.0.1:1", []string{"client.example.com"}, "10.0.0.1"},
		{"an octal number", "10.0.0.1:1", []string{"0192.0.2.1"}, "10.0.0.1"},
		{"no address at all", "pipe", []string{"192.0.2.1"}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.remote
		r.Header["X-Forwarded-For"] = tt.forwarded
		if got := o.address(r).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if _, err := newOrigins("", nil, []netip.Prefix{{}}); err == nil {
		t.Error("a network that is none is taken")
	}
}

// Whatever stands in the header, the answer is the peer or something that a trusted hop has written.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{"192.0.2.1", "x,10.0.0.1", "[::1]:80", "::ffff:1.2.3.4", ",", "10.0.0.1,10.0.0.2", "%", "fe80::1%a,b"} {
		f.Add(seed, seed)
	}
	o, err := newOrigins("", nil, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Forwarded-For"] = []string{first, second}
		r.RemoteAddr = "192.0.2.1:1"
		if a := o.address(r); a != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("an untrusted peer became %v", a)
		}
		r.RemoteAddr = "10.0.0.1:1"
		a := o.address(r)
		if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
			t.Errorf("%v", a)
		}
		// What a proxy appends decides, whatever is before it.
		r.Header["X-Forwarded-For"] = []string{first, second + ",198.51.100.7"}
		if a := o.address(r); a != netip.MustParseAddr("198.51.100.7") {
			t.Errorf("the proxy heard 198.51.100.7, which became %v", a)
		}
	})
}

// Which pages may use a person's cookie: the public origin's and the allowed ones', exactly.
func TestAdmittedOrigins(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	allowed := []string{"https://app.example.com"}
	for _, tt := range []struct {
		name, public, origin string
		change               func(*http.Request)
		want                 bool
	}{
		{"own", "", "http://docs.example.com", nil, true},
		{"own, default port written out", "", "http://docs.example.com:80", nil, true},
		{"other port", "", "http://docs.example.com:81", nil, false},
		{"https for http", "", "https://docs.example.com", nil, false},
		{"http for https", "", "http://docs.example.com", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, false},
		{"own with TLS", "", "https://docs.example.com", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, true},
		{"TLS at a trusted proxy", "", "https://docs.example.com", func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-Proto", "https") }, true},
		{"TLS at anybody", "", "https://docs.example.com", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false},
		{"allowed", "", "https://app.example.com", nil, true},
		{"allowed, http for https", "", "http://app.example.com", nil, false},
		{"allowed, as a suffix", "", "https://evil-app.example.com", nil, false},
		{"allowed, as a prefix", "", "https://app.example.com.evil.com", nil, false},
		{"allowed, with a port", "", "https://app.example.com:8443", nil, false},
		{"another", "", "https://evil.com", nil, false},
		{"null", "", "null", nil, false},
		{"public", "https://pub.example.com", "https://pub.example.com", nil, true},
		{"the request's own beside a public one", "https://pub.example.com", "http://docs.example.com", nil, false},
		{"public, http for https", "https://pub.example.com", "http://pub.example.com", nil, false},
	} {
		o, err := newOrigins(tt.public, allowed, proxies)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "http://docs.example.com/collab/x", nil)
		r.TLS = nil
		if tt.change != nil {
			tt.change(r)
		}
		if got := o.admits(r, tt.origin); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// Sockets refuse other origins before the upgrade, whatever the credentials; a page's cookie never travels further.
func TestSocketOrigin(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.AllowedOrigins = []string{"https://app.example.com"} })
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	token := "?token=" + ann.token(d, nil)
	for _, tt := range []struct {
		origin, query string
		status        int
	}{
		{h.url, "", 101}, {"https://app.example.com", "", 101},
		{"null", "", 403}, {"null", token, 403}, {"https://evil.com", "", 403}, {"https://evil.com", token, 403},
		{h.url + ".evil.com", "", 403}, {"https" + h.url[len("http"):], "", 403},
	} {
		header := ann.page()
		header.Set("Origin", tt.origin)
		if _, status := h.dial(dialing{name: d.ID.String(), query: tt.query, header: header}); status != tt.status {
			t.Errorf("%s %.8s: status %d, want %d", tt.origin, tt.query, status, tt.status)
		}
	}
}

// Other sites' pages can't change anything with a person's cookie; reading is theirs to try, as the browser keeps the answer from them.
func TestCrossSiteRequests(t *testing.T) {
	h := newHarness(t, func(o *Options) { o.AllowedOrigins = []string{"https://app.example.com"} })
	for _, tt := range []struct {
		name, method string
		header       map[string]string
		want         int
	}{
		{"a program", "POST", nil, 201},
		{"the page itself", "POST", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": h.url}, 201},
		{"the page itself, in an old browser", "POST", map[string]string{"Origin": h.url}, 201},
		{"another site", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.com"}, 403},
		{"another site, in an old browser", "POST", map[string]string{"Origin": "https://evil.com"}, 403},
		{"a sibling", "POST", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example.com"}, 403},
		{"a sandboxed frame", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "null"}, 403},
		{"an allowed site", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.com"}, 201},
		{"another site, reading", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.com"}, 200},
		{"another site, with its own credentials", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.com", "Authorization": "Bearer x"}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := h.person("p-"+store.NewID().String(), store.RoleMember)
			for k, v := range tt.header {
				p.header.Set(k, v)
			}
			var body any
			if tt.method == "POST" {
				body = map[string]any{"title": "A"}
			}
			code := map[int]string{403: codeCrossSite, 401: codeUnauth}[tt.want]
			r := p.call(tt.method, "/api/v1/documents", body).wants(tt.want, code)
			allow := r.header.Get("Access-Control-Allow-Origin")
			if want := tt.header["Origin"] == "https://app.example.com"; (allow != "") != want {
				t.Errorf("Access-Control-Allow-Origin %q", allow)
			}
		})
	}
	preflight := &person{h: h, header: http.Header{"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"PATCH"}}}
	r := preflight.call("OPTIONS", "/api/v1/documents/x", nil).wants(204, "")
	if r.header.Get("Access-Control-Allow-Credentials") != "true" || r.header.Get("Access-Control-Allow-Methods") == "" || r.header.Get("Vary") != "Origin" {
		t.Errorf("%v", r.header)
	}
	preflight.header.Set("Origin", "https://evil.com")
	if r := preflight.call("OPTIONS", "/api/v1/documents/x", nil); r.status == 204 || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", r.status, r.header)
	}
}
