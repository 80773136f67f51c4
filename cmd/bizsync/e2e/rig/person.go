package rig

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// Person is an account with a login. What goes wrong fails the test of its server.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name"`

	s      *Server
	client *http.Client
}

// Admin logs the first account in.
func (s *Server) Admin() *Person {
	s.t.Helper()
	return s.Login(lab.AdminEmail, lab.AdminPassword)
}

// Login logs somebody in.
func (s *Server) Login(email, password string) *Person {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &Person{s: s, client: &http.Client{Jar: jar, Timeout: Patience}}
	p.Call("POST", "/session", map[string]any{"email": email, "password": password}, http.StatusOK, p)
	for _, c := range p.cookies() {
		s.secret(c.Value)
	}
	return p
}

// Member has an admin create an account, and logs it in.
func (p *Person) Member(name string) *Person {
	p.s.t.Helper()
	email, password := name+"@example.com", "the password of "+name+", long enough"
	p.s.secret(password)
	p.Call("POST", "/users", map[string]any{"email": email, "name": name, "role": "member", "password": password}, http.StatusCreated, nil)
	return p.s.Login(email, password)
}

// Document creates one that the others may write in.
func (p *Person) Document(title string, editors ...*Person) (id string) {
	p.s.t.Helper()
	var d struct {
		ID string `json:"id"`
	}
	p.Call("POST", "/documents", map[string]any{"title": title}, http.StatusCreated, &d)
	for _, e := range editors {
		p.Share(d.ID, e, "editor")
	}
	return d.ID
}

// Share gives somebody a role in a document.
func (p *Person) Share(doc string, with *Person, role string) {
	p.s.t.Helper()
	p.Call("PUT", "/documents/"+doc+"/members/"+with.ID, map[string]any{"role": role}, http.StatusOK, nil)
}

// Token makes a collaboration token with all the rights that the person has.
func (p *Person) Token(doc string) string {
	p.s.t.Helper()
	return p.token(doc, map[string]any{})
}

// TokenAs makes one for a role.
func (p *Person) TokenAs(doc, role string) string {
	p.s.t.Helper()
	return p.token(doc, map[string]any{"role": role})
}

func (p *Person) token(doc string, wish map[string]any) string {
	p.s.t.Helper()
	var t struct {
		Token string `json:"token"`
	}
	p.Call("POST", "/documents/"+doc+"/tokens", wish, http.StatusCreated, &t)
	p.s.secret(t.Token)
	return t.Token
}

// Content reads what is committed of a document. query says in what format.
func (p *Person) Content(doc, query string) (content []byte) {
	p.s.t.Helper()
	p.Call("GET", "/documents/"+doc+"/content?"+query, nil, http.StatusOK, &content)
	return content
}

// Cookie is the header that the person's browser sends to the server.
func (p *Person) Cookie() string {
	p.s.t.Helper()
	var all []string
	for _, c := range p.cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func (p *Person) cookies() []*http.Cookie {
	return p.client.Jar.Cookies(&url.URL{Scheme: "http", Host: p.s.Addr})
}

// At is the same person, with the same login, at another server, whose host is the same.
func (p *Person) At(s *Server) *Person {
	other := *p
	other.s = s
	return &other
}

// Call makes a REST request that must be answered with that status. result is as in lab.Call.
func (p *Person) Call(method, path string, body any, status int, result any) {
	p.s.t.Helper()
	if err := p.Request(method, path, body, status, result); err != nil {
		p.s.t.Fatal(err)
	}
}

// Request is Call with an error, for any goroutine.
func (p *Person) Request(method, path string, body any, status int, result any) error {
	return lab.Call(context.Background(), p.client.Do, method, p.s.URL()+"/api/v1"+path, body, status, result)
}
