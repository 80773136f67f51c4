package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many REST requests, or sockets that are opened, are under way at a time.
const atOnce = 8

// person is an account with a login, which is good at every node.
type person struct {
	ID     string `json:"id"`
	client *http.Client
}

func login(ctx context.Context, at *node, email, password string) (*person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("keep cookies: %w", err)
	}
	p := &person{client: &http.Client{Jar: jar, Timeout: patience}}
	return p, p.call(ctx, at, "POST", "/session", map[string]any{"email": email, "password": password}, http.StatusOK, p)
}

// people makes so many accounts and logs them in.
func people(ctx context.Context, at *node, n int) ([]*person, error) {
	admin, err := login(ctx, at, adminEmail, adminPassword)
	if err != nil {
		return nil, err
	}
	all := make([]*person, n)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for i := range all {
		work.Go(func() (err error) {
			email, password := fmt.Sprintf("person%d@example.com", i), fmt.Sprintf("the password of person %d", i)
			account := map[string]any{"email": email, "name": fmt.Sprint("Person ", i), "role": "member", "password": password}
			if err = admin.call(ctx, at, "POST", "/users", account, http.StatusCreated, nil); err == nil {
				all[i], err = login(ctx, at, email, password)
			}
			return err
		})
	}
	return all, work.Wait()
}

// document creates a document of the first of them, in which the others may write, and gives a token for each.
func document(ctx context.Context, at *node, title string, editors []*person) (doc string, tokens []string, err error) {
	var made struct {
		ID string `json:"id"`
	}
	if err := editors[0].call(ctx, at, "POST", "/documents", map[string]any{"title": title}, http.StatusCreated, &made); err != nil {
		return "", nil, err
	}
	for i, p := range editors {
		if i > 0 {
			if err := editors[0].call(ctx, at, "PUT", "/documents/"+made.ID+"/members/"+p.ID, map[string]any{"role": "editor"}, http.StatusOK, nil); err != nil {
				return "", nil, err
			}
		}
		var minted struct {
			Token string `json:"token"`
		}
		if err := p.call(ctx, at, "POST", "/documents/"+made.ID+"/tokens", map[string]any{}, http.StatusCreated, &minted); err != nil {
			return "", nil, err
		}
		tokens = append(tokens, minted.Token)
	}
	return made.ID, tokens, nil
}

// text is a document's committed text.
func (p *person) text(ctx context.Context, at *node, doc string) (string, error) {
	var text []byte
	err := p.call(ctx, at, "GET", "/documents/"+doc+"/content?format=text&field="+root, nil, http.StatusOK, &text)
	return string(text), err
}

// call makes a REST request that must be answered with that status. result is nil, a *[]byte for the answer as it is, or what its JSON goes into.
func (p *person) call(ctx context.Context, at *node, method, path string, body any, status int, result any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+at.addr+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode != status {
		return fmt.Errorf("%s %s: %s %s", method, path, res.Status, answer)
	}
	switch result := result.(type) {
	case nil:
		return nil
	case *[]byte:
		*result = answer
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
