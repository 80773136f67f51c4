package attacks

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
)

// person is an account with a login.
type person struct {
	s      *server
	ID     string `json:"id"`
	Name   string `json:"name"`
	client *http.Client
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
	password, email := "the password of "+name+", long enough", name+"@example.com"
	p.call("POST", "/users", map[string]any{"email": email, "name": name, "role": "member", "password": password}, http.StatusCreated, nil)
	return p.s.login(email, password)
}

// document creates one that the others may write in.
func (p *person) document(title string, editors ...*person) (id string) {
	p.s.t.Helper()
	var d struct {
		ID string `json:"id"`
	}
	p.call("POST", "/documents", map[string]any{"title": title}, http.StatusCreated, &d)
	for _, e := range editors {
		p.share(d.ID, e, "editor")
	}
	return d.ID
}

func (p *person) share(doc string, with *person, role string) {
	p.s.t.Helper()
	p.call("PUT", "/documents/"+doc+"/members/"+with.ID, map[string]any{"role": role}, http.StatusOK, nil)
}

// token makes a collaboration token with all the rights that the person has.
func (p *person) token(doc string) string { return p.tokenAs(doc, "") }

// tokenAs makes one for a role, "" for the person's own.
func (p *person) tokenAs(doc, role string) string {
	p.s.t.Helper()
	var t struct {
		Token string `json:"token"`
	}
	wish := map[string]any{}
	if role != "" {
		wish["role"] = role
	}
	p.call("POST", "/documents/"+doc+"/tokens", wish, http.StatusCreated, &t)
	return t.Token
}

// content reads what is committed of a document.
func (p *person) content(doc, query string) []byte {
	p.s.t.Helper()
	var b []byte
	p.call("GET", "/documents/"+doc+"/content?"+query, nil, http.StatusOK, &b)
	return b
}

// call makes a REST request that must be answered with that status. result may be nil, and a *[]byte for an answer that is not JSON.
func (p *person) call(method, path string, body any, status int, result any) {
	p.s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.s.t.Fatal(err)
	}
	req, err := http.NewRequest(method, "http://"+p.s.addr+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		p.s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		p.s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		p.s.t.Fatalf("%s %s: %s %s (%v)", method, path, res.Status, answer, err)
	}
	switch result := result.(type) {
	case nil:
	case *[]byte:
		*result = answer
	default:
		if err := json.Unmarshal(answer, result); err != nil {
			p.s.t.Fatal(err)
		}
	}
}
