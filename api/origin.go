package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// origins knows which browser origins may talk to this server with a person's cookie, and from whom forwarded headers are believed.
type origins struct {
	public  *url.URL // nil: each request's own
	allowed map[string]bool
	proxies []netip.Prefix
}

// normalOrigin gives an origin's canonical text (RFC 6454, 6.2): scheme and host in lower case, no default port. ok is false for what is no http origin.
func normalOrigin(s string) (origin string, ok bool) {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" {
		return "", false
	}
	return originOf(u)
}

// originOf is the origin of a URL.
func originOf(u *url.URL) (string, bool) {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if host == "" || scheme != "http" && scheme != "https" {
		return "", false
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + "://" + host, true
	}
	return scheme + "://" + net.JoinHostPort(host, port), true
}

// newOrigins checks the settings public-url, allowed-origins and trusted-proxies.
func newOrigins(publicURL string, allowed []string, proxies []netip.Prefix) (*origins, error) {
	o := &origins{allowed: map[string]bool{}}
	for _, p := range proxies {
		if !p.IsValid() {
			return nil, fmt.Errorf("trusted proxies: %v is no network", p)
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		o.proxies = append(o.proxies, p)
	}
	if publicURL != "" {
		u, err := url.Parse(publicURL)
		if err != nil {
			return nil, fmt.Errorf("public URL: %w", err)
		}
		if _, ok := originOf(u); !ok || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
			return nil, fmt.Errorf("public URL %q: it should look like https://docs.example.com", publicURL)
		}
		o.public = &url.URL{Scheme: strings.ToLower(u.Scheme), Host: u.Host}
	}
	for _, a := range allowed {
		origin, ok := normalOrigin(strings.TrimSuffix(strings.TrimSpace(a), "/"))
		if !ok {
			return nil, fmt.Errorf("allowed origin %q: it should look like https://app.example.com", a)
		}
		o.allowed[origin] = true
	}
	return o, nil
}

// trusts says whether forwarded headers of that peer are believed.
func (o *origins) trusts(a netip.Addr) bool {
	for _, p := range o.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// address is where a request comes from: the peer, or, when that is a trusted proxy, the last address in X-Forwarded-For that is not one. Each proxy appends whom it
// heard, so only what trusted ones have appended, at the right end, is true; all before may be the client's invention.
func (o *origins) address(r *http.Request) netip.Addr {
	last := peerAddress(r)
	if !o.trusts(last) {
		return last
	}
	for _, header := range slices.Backward(r.Header.Values("X-Forwarded-For")) {
		for more := true; more; {
			var hop string
			if i := strings.LastIndexByte(header, ','); i >= 0 {
				header, hop = header[:i], header[i+1:]
			} else {
				hop, more = header, false
			}
			if hop = strings.TrimSpace(hop); hop == "" {
				continue // a list may have empty elements (RFC 9110, 5.6.1)
			}
			a, ok := hopAddress(hop)
			if !ok {
				return last // whoever wrote that is not to be believed further
			}
			if last = a; !o.trusts(last) {
				return last
			}
		}
	}
	return last
}

// hopAddress reads an entry of X-Forwarded-For: an address, which some proxies write with a port and the sixth version in brackets.
func hopAddress(hop string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(hop); err == nil {
		return plainAddress(a), true
	}
	if ap, err := netip.ParseAddrPort(hop); err == nil {
		return plainAddress(ap.Addr()), true
	}
	if inside, ok := strings.CutPrefix(hop, "["); ok {
		if inside, ok = strings.CutSuffix(inside, "]"); ok {
			if a, err := netip.ParseAddr(inside); err == nil && a.Is6() {
				return plainAddress(a), true
			}
		}
	}
	return netip.Addr{}, false
}

// plainAddress gives an address one form: version 4 as such, and no zone, which means something on one machine only and which no network contains.
func plainAddress(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// peerAddress is who is at the other end of a request's connection.
func peerAddress(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plainAddress(ap.Addr())
}

// base is the URL at which the person who asks sees this server, without a trailing slash.
func (o *origins) base(r *http.Request) *url.URL {
	if o.public != nil {
		return &url.URL{Scheme: o.public.Scheme, Host: o.public.Host}
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	} else if o.trusts(peerAddress(r)) {
		if values := r.Header.Values("X-Forwarded-Proto"); len(values) > 0 {
			proto := values[len(values)-1]
			if strings.EqualFold(strings.TrimSpace(proto[strings.LastIndexByte(proto, ',')+1:]), "https") {
				scheme = "https"
			}
		}
	}
	return &url.URL{Scheme: scheme, Host: r.Host}
}

// admits says whether an Origin header names the public origin or an allowed one.
func (o *origins) admits(r *http.Request, header string) bool {
	origin, ok := normalOrigin(header)
	if !ok {
		return false
	}
	own, ok := originOf(o.base(r))
	return ok && origin == own || o.allowed[origin]
}

// crossSite refuses state-changing requests that another site's page makes with a person's cookie, and lets allowed origins in (CORS). Requests with an
// Authorization header are exempt: a browser doesn't add that by itself, and beside it the cookie is ignored.
func (s *Server) crossSite(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			w.Header().Set("Cache-Control", "no-store") // unless the operation says otherwise
			w.Header().Add("Vary", "Origin")
			if normal, ok := normalOrigin(origin); ok && s.origins.allowed[normal] {
				h := w.Header()
				h.Set("Access-Control-Allow-Origin", origin)
				h.Set("Access-Control-Allow-Credentials", "true")
				h.Set("Access-Control-Expose-Headers", "ETag, Location, Retry-After, Idempotency-Replayed")
				if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
					h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
					h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, If-Match, If-None-Match, Idempotency-Key, Last-Event-ID")
					h.Set("Access-Control-Max-Age", "600")
					w.WriteHeader(http.StatusNoContent)
					return
				}
			}
		}
		if r.Header.Get("Authorization") == "" {
			admitted := origin != "" && s.origins.admits(r, origin)
			if err := guard.Check(r); !admitted && (err != nil || judgedByHost(r)) {
				s.writeProblem(w, r, problem(http.StatusForbidden, codeCrossSite, "another site may not change anything here in your name"))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// judgedByHost says whether CrossOriginProtection, for want of the browser's own word, compares a request's Origin with its Host: that overlooks the scheme, and
// whether the host is the public one.
func judgedByHost(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return r.Header.Get("Origin") != "" && r.Header.Get("Sec-Fetch-Site") == ""
}

// CheckOrigins says what is wrong with a public URL (which may be empty) and allowed origins.
func CheckOrigins(publicURL string, allowed []string) error {
	_, err := newOrigins(publicURL, allowed, nil)
	return err
}
