package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/store"
)

func (p *person) finds(query string) (names string) {
	p.h.t.Helper()
	for _, f := range decode[struct{ Data []FoundPerson }](p.call("GET", "/api/v1/people?"+query, nil).wants(200, "")).Data {
		names += f.Name + " "
	}
	return strings.TrimSpace(names)
}

// Anybody finds those whom they may share with, by what they know of them.
func TestFindPeople(t *testing.T) {
	h := newHarness(t, nil)
	ann, root := h.person("ann", store.RoleMember), h.person("root", store.RoleAdmin)
	for _, u := range []store.User{{Email: "zoe@example.com", Name: "Ännchen Müller"}, {Email: "mueller@example.org", Name: "Zoe"}, {Email: "gone@example.com", Name: "Müller Gone"}} {
		u.Role = store.RoleMember
		made, err := h.store.CreateUser(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		if u.Email == "gone@example.com" {
			root.call("PATCH", "/api/v1/users/"+made.ID.String(), map[string]any{"disabled": true}).wants(200, "")
		}
	}
	for query, want := range map[string]string{
		"MÜLL": "Ännchen Müller", "mueller@example.org": "Zoe", "zoe": "Zoe Ännchen Müller", "änn": "Ännchen Müller", "llm": "", "": "", " ": "", "%": "", "_": "", "*": "",
	} {
		if got := ann.finds("q=" + url.QueryEscape(query)); got != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	if got := ann.finds("q=zoe&limit=1"); got != "Zoe" {
		t.Errorf("the best is %q", got)
	}
	r := ann.call("GET", "/api/v1/people?q=mueller", nil).wants(200, "")
	if body := string(r.body); !strings.Contains(body, `"email":"mueller@example.org"`) || strings.Contains(body, "role") || strings.Contains(strings.ToLower(body), "password") {
		t.Errorf("%s", body)
	}
	for _, bad := range []string{"?q=x&limit=0", "?q=x&limit=21", "?q=" + strings.Repeat("x", 201), "?q=x&cursor=1"} {
		ann.call("GET", "/api/v1/people"+bad, nil).wants(422, codeValidation)
	}
}

// Nobody reads the whole list of people by trying beginnings of names; others aren't the worse for it.
func TestFindPeopleThrottle(t *testing.T) {
	h := newHarness(t, nil)
	ann, bob := h.person("ann", store.RoleMember), h.person("bob", store.RoleMember)
	refused := 0
	for i := range searchBurst + 10 {
		switch r := ann.call("GET", fmt.Sprintf("/api/v1/people?q=%c", 'a'+rune(i%26)), nil); r.status {
		case 200:
		case 429:
			if r.wants(429, codeManyAttempts).header.Get("Retry-After") == "" {
				t.Error("it isn't said when to try again")
			}
			refused++
		default:
			t.Fatalf("status %d", r.status)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	bob.call("GET", "/api/v1/people?q=a", nil).wants(200, "")
}
