package faults

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// account is somebody with a login, which is good at every node.
type account struct {
	c      *cluster
	ID     string `json:"id"`
	Name   string `json:"name"`
	client *http.Client
}

// login logs in at the first node.
func (c *cluster) login(email, password string) *account {
	jar, err := cookiejar.New(nil)
	c.must(err)
	a := &account{c: c, client: &http.Client{Jar: jar, Timeout: rig.Patience}}
	a.call(c.nodes[0], "POST", "/session", map[string]any{"email": email, "password": password}, http.StatusOK, a)
	for _, cookie := range jar.Cookies(&url.URL{Scheme: "http", Host: c.nodes[0].addr}) {
		c.secrets = append(c.secrets, cookie.Value)
	}
	return a
}

// member has an admin create an account, and logs it in.
func (a *account) member(name string) *account {
	password := "the password of " + name + ", long enough"
	a.c.secrets = append(a.c.secrets, password)
	a.call(a.c.nodes[0], "POST", "/users", map[string]any{"email": name + "@example.com", "name": name, "role": "member", "password": password}, http.StatusCreated, nil)
	return a.c.login(name+"@example.com", password)
}

// document creates one that the others may write in.
func (a *account) document(title string, editors ...*account) (id string) {
	var d struct {
		ID string `json:"id"`
	}
	a.call(a.c.nodes[0], "POST", "/documents", map[string]any{"title": title}, http.StatusCreated, &d)
	for _, e := range editors {
		a.share(a.c.nodes[0], d.ID, e, "editor")
	}
	return d.ID
}

func (a *account) share(at *node, doc string, with *account, role string) {
	a.call(at, "PUT", "/documents/"+doc+"/members/"+with.ID, map[string]any{"role": role}, http.StatusOK, nil)
}

// token makes a collaboration token for a day.
func (a *account) token(doc string) string {
	var t struct {
		Token string `json:"token"`
	}
	a.call(a.c.nodes[0], "POST", "/documents/"+doc+"/tokens", map[string]any{"expiresIn": 86400}, http.StatusCreated, &t)
	a.c.secrets = append(a.c.secrets, t.Token)
	return t.Token
}

// call makes a REST request that must be answered with that status; result may be nil.
func (a *account) call(at *node, method, path string, body any, status int, result any) {
	a.c.must(a.request(at, method, path, body, status, result))
}

func (a *account) request(at *node, method, path string, body any, status int, result any) error {
	return lab.Call(context.Background(), a.client.Do, method, "http://"+at.addr+"/api/v1"+path, body, status, result)
}
