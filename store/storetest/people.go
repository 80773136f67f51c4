package storetest

import (
	"fmt"
	"testing"

	"github.com/bizsync/bizsync/store"
)

func testPeople(t *testing.T, db Database) {
	w := newWorld(t, db)
	account := func(email, name string) store.User {
		t.Helper()
		u, err := w.s.CreateUser(w.ctx, store.User{Email: email, Name: name, Role: store.RoleMember, PasswordHash: "h"})
		ok(t, err)
		return u
	}
	find := func(query string, limit int, want ...store.User) {
		t.Helper()
		got, err := w.s.FindPeople(w.ctx, query, limit)
		ok(t, err)
		same(t, fmt.Sprintf("people found by %q", query), append([]store.User{}, got...), append([]store.User{}, want...))
	}
	find("ann", 10)
	ann := account("ann@example.org", "Ann Öztürk")
	joanna := account("jo@example.org", "Jo-Änn Smith")
	annex := account("annex@example.org", "The Annex")
	find("ann", 10, ann, annex)
	find("annex@example.org", 10, annex)
	find("Ann@Example.ORG", 10, ann)
	find("ÄNN", 10, joanna)
	find("özt", 10, ann)
	find("ann ö", 10, ann)
	find("annex", 10, annex)
	find("smith", 10, joanna)
	find("mith", 10)
	find("example", 10)
	find("", 10)
	find(" \t ", 10)
	find("\x00", 10)
	find("\xff", 10)
	find("'; DROP TABLE users; --", 10)
	find("%", 10)
	find("ann", 1, ann)
	kelvin := account("k@example.org", "\u212aelvin \u0130lker") // letters whose lower case is ASCII, or has some
	find("kelvin", 10, kelvin)
	find("i", 10, kelvin)
	find("K", 10, kelvin)
	find("ann", 0)
	find("ann", -1)

	db.Disable(t, w.s, ann.ID)
	find("ann", 10, annex)
	for i := range store.MaxPeople + 1 {
		account(fmt.Sprintf("many%d@example.org", i), "Many")
	}
	if many, err := w.s.FindPeople(w.ctx, "many", 1000); err != nil || len(many) != store.MaxPeople {
		t.Fatalf("%d people are found, %v; want %d", len(many), err, store.MaxPeople)
	}
}
