package lab

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"
)

// AtOnce is how many REST requests are under way at a time.
const AtOnce = 8

// Account is a person with a login, which is good at every node.
type Account struct {
	ID     string `json:"id"`
	Cookie string `json:"-"` // of the session, as a request's header has it
}

// Accounts makes so many and logs them in.
func Accounts(ctx context.Context, at *Node, n int) ([]*Account, error) {
	admin, err := login(ctx, at, AdminEmail, AdminPassword)
	if err != nil {
		return nil, err
	}
	all := make([]*Account, n)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(AtOnce)
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

// Document makes one, owned by the first of them, and the others may edit it. It gives the document's id.
func Document(ctx context.Context, at *Node, title string, editors []*Account) (id string, err error) {
	var made struct {
		ID string `json:"id"`
	}
	if err := editors[0].call(ctx, at, "POST", "/documents", map[string]any{"title": title}, http.StatusCreated, &made); err != nil {
		return "", err
	}
	for _, other := range editors[1:] {
		if err := editors[0].call(ctx, at, "PUT", "/documents/"+made.ID+"/members/"+other.ID, map[string]any{"role": "editor"}, http.StatusOK, nil); err != nil {
			return "", err
		}
	}
	return made.ID, nil
}

// Documents makes so many of the same people.
func Documents(ctx context.Context, at *Node, editors []*Account, n int) ([]string, error) {
	ids := make([]string, n)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(AtOnce)
	for i := range ids {
		work.Go(func() (err error) {
			ids[i], err = Document(ctx, at, fmt.Sprint("Document ", i), editors)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, fmt.Errorf("make documents: %w", err)
	}
	return ids, nil
}

// Token makes a collaboration token for a document.
func (a *Account) Token(ctx context.Context, at *Node, document string) (string, error) {
	var minted struct {
		Token string `json:"token"`
	}
	err := a.call(ctx, at, "POST", "/documents/"+document+"/tokens", map[string]any{}, http.StatusCreated, &minted)
	return minted.Token, err
}

// Content is all that is committed of a document, as one update of Yjs, version 1.
func (a *Account) Content(ctx context.Context, at *Node, document string) (update []byte, err error) {
	err = a.call(ctx, at, "GET", "/documents/"+document+"/content?format=yjs", nil, http.StatusOK, &update)
	return update, err
}

// Text is the committed text of a document's field.
func (a *Account) Text(ctx context.Context, at *Node, document, field string) (string, error) {
	var text []byte
	err := a.call(ctx, at, "GET", "/documents/"+document+"/content?format=text&field="+field, nil, http.StatusOK, &text)
	return string(text), err
}

func login(ctx context.Context, at *Node, email, password string) (*Account, error) {
	a := &Account{}
	return a, a.call(ctx, at, "POST", "/session", map[string]any{"email": email, "password": password}, http.StatusOK, a)
}

// call makes a REST request that must be answered with that status, see Call.
func (a *Account) call(ctx context.Context, at *Node, method, path string, body any, status int, result any) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return Call(ctx, func(req *http.Request) (*http.Response, error) {
		if a.Cookie != "" {
			req.Header.Set("Cookie", a.Cookie)
		}
		res, err := at.client.Do(req)
		if err != nil {
			return nil, err
		}
		for _, c := range res.Cookies() {
			if a.Cookie == "" { // only while logging in: several requests may be under way later
				a.Cookie = c.Name + "=" + c.Value
			}
		}
		return res, nil
	}, method, "http://"+at.Addr+"/api/v1"+path, body, status, result)
}
