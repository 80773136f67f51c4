package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// person is an account with a login.
type person struct {
	s      *server
	ID     string `json:"id"`
	client *http.Client
}

// admin logs the first account in.
func (s *server) admin() *person {
	s.t.Helper()
	return s.login(adminEmail, adminPassword)
}

func (s *server) login(email, password string) *person {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &person{s: s, client: &http.Client{Jar: jar, Timeout: patience}}
	p.call("POST", "/session", map[string]any{"email": email, "password": password}, http.StatusOK, p)
	return p
}

// member has an admin create an account, and logs it in.
func (p *person) member(name string) *person {
	p.s.t.Helper()
	email, password := name+"@example.com", "the password of "+name+", long enough"
	p.call("POST", "/users", map[string]any{"email": email, "name": name, "role": "member", "password": password}, http.StatusCreated, nil)
	return p.s.login(email, password)
}

// document creates one.
func (p *person) document(title string) (id string) {
	p.s.t.Helper()
	var d struct {
		ID string `json:"id"`
	}
	p.call("POST", "/documents", map[string]any{"title": title}, http.StatusCreated, &d)
	return d.ID
}

// share gives somebody a role in a document.
func (p *person) share(doc string, with *person, role string) {
	p.s.t.Helper()
	p.call("PUT", "/documents/"+doc+"/members/"+with.ID, map[string]any{"role": role}, http.StatusOK, nil)
}

// token makes a collaboration token.
func (p *person) token(doc string) string {
	p.s.t.Helper()
	var t struct {
		Token string `json:"token"`
	}
	p.call("POST", "/documents/"+doc+"/tokens", map[string]any{}, http.StatusCreated, &t)
	return t.Token
}

// cookie is the header that the person's browser sends to the server.
func (p *person) cookie() string {
	p.s.t.Helper()
	base, err := url.Parse(p.s.url())
	if err != nil {
		p.s.t.Fatal(err)
	}
	var all []string
	for _, c := range p.client.Jar.Cookies(base) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

// call makes a REST request that must be answered with that status; result may be nil.
func (p *person) call(method, path string, body any, status int, result any) {
	p.s.t.Helper()
	if err := p.request(method, path, body, status, result); err != nil {
		p.s.t.Fatal(err)
	}
}

func (p *person) request(method, path string, body any, status int, result any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, p.s.url()+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		return fmt.Errorf("%s %s: %s %s (%w)", method, path, res.Status, answer, err)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer, result)
}
