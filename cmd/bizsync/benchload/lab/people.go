package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many REST requests are under way at a time.
const atOnce = 8

// Account is a person with a login, which is good at every node.
type Account struct {
	ID     string `json:"id"`
	Cookie string `json:"-"` // of the session, as a request's header has it
}

// Accounts makes so many and logs them in.
func Accounts(ctx context.Context, at *Node, n int) ([]*Account, error) {
	admin, err := login(ctx, at, adminEmail, adminPassword)
	if err != nil {
		return nil, err
	}
	all := make([]*Account, n)
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
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("make accounts: %w", err)
	}
	return all, nil
}

// Documents makes so many, owned by the first of them, and the others may edit them. It gives the documents' ids.
func Documents(ctx context.Context, at *Node, editors []*Account, n int) ([]string, error) {
	ids := make([]string, n)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for i := range ids {
		work.Go(func() error {
			var made struct {
				ID string `json:"id"`
			}
			if err := editors[0].call(ctx, at, "POST", "/documents", map[string]any{"title": fmt.Sprint("Document ", i)}, http.StatusCreated, &made); err != nil {
				return err
			}
			ids[i] = made.ID
			for _, other := range editors[1:] {
				if err := editors[0].call(ctx, at, "PUT", "/documents/"+made.ID+"/members/"+other.ID, map[string]any{"role": "editor"}, http.StatusOK, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("make documents: %w", err)
	}
	return ids, nil
}

// Content is all that is committed of a document, as one update of Yjs, version 1.
func (a *Account) Content(ctx context.Context, at *Node, document string) (update []byte, err error) {
	err = a.call(ctx, at, "GET", "/documents/"+document+"/content?format=yjs", nil, http.StatusOK, &update)
	return update, err
}

func login(ctx context.Context, at *Node, email, password string) (*Account, error) {
	a := &Account{}
	return a, a.call(ctx, at, "POST", "/session", map[string]any{"email": email, "password": password}, http.StatusOK, a)
}

// call makes a REST request that must be answered with that status. result is nil, a *[]byte for the answer as it is, or what its JSON goes into.
func (a *Account) call(ctx context.Context, at *Node, method, path string, body any, status int, result any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+at.Addr+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if a.Cookie != "" {
		req.Header.Set("Cookie", a.Cookie)
	}
	res, err := at.client.Do(req)
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
	for _, c := range res.Cookies() {
		if a.Cookie == "" { // only while logging in: several requests may be under way later
			a.Cookie = c.Name + "=" + c.Value
		}
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
