package api

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/bizsync/bizsync/store"
)

// The acts that TestAudit has none of: accounts from the first to their end, devices, connections, and documents until they are gone for good.
func TestAuditFromFirstToLast(t *testing.T) {
	h := newHarness(t, nil)
	seen := 0
	var root *person
	// did checks what was recorded since it was asked last: the acts, and the subject of the last one.
	did := func(subject string, actions ...string) {
		t.Helper()
		entries := root.auditLog(nil)[seen:]
		seen += len(entries)
		if got := actionsOf(entries); !slices.Equal(got, actions) {
			t.Fatalf("recorded %v, want %v", got, actions)
		}
		if last := entries[len(entries)-1]; last.Subject != subject || last.Actor == nil {
			t.Errorf("%s is of %q by %v, want %q", last.Action, last.Subject, last.Actor, subject)
		}
	}

	r := h.anonymous().call("POST", "/api/v1/setup", map[string]any{"token": setupToken(t, h), "email": "root@example.com", "name": "Root", "password": "correct horse"}).wants(201, "")
	root = &person{h: h, user: store.User{ID: decode[User](r).ID}, cookie: sessionCookieOf(r).Value}
	rootID := root.user.ID.String()
	did(rootID, didCreateUser, didLogin)
	root.call("PUT", "/api/v1/users/me/password", map[string]any{"current": "correct horse", "new": "staple battery"}).wants(204, "")
	did(rootID, didPassword)

	invited := decode[InvitedUser](root.call("POST", "/api/v1/users", map[string]any{"email": "bo@example.com", "name": "Bo", "role": "member"}).wants(201, ""))
	boID, boPath := invited.ID.String(), "/api/v1/users/"+invited.ID.String()
	did(boID, didCreateUser, didInvite)
	r = h.accept(tokenOfLink(t, invited.Invitation.URL, h.url+"/invite"), "correct horse").wants(200, "")
	did(boID, didPassword, didLogin)
	root.call("POST", boPath+"/reset", nil).wants(200, "")
	did(boID, didReset)

	phone := sessionCookieOf(h.anonymous().login("bo@example.com", "correct horse").wants(200, "")).Value
	did(boID, didLogin)
	bo := &person{h: h, user: store.User{ID: invited.ID}, cookie: sessionCookieOf(r).Value}
	for _, device := range decode[List[Device]](bo.call("GET", "/api/v1/sessions", nil)).Data {
		if !device.Current {
			bo.call("DELETE", "/api/v1/sessions/"+device.ID.String(), nil).wants(204, "")
		}
	}
	(&person{h: h, cookie: phone}).call("GET", "/api/v1/session", nil).wants(401, codeUnauth)
	did(boID, didEndSession)

	d := bo.document("Plans", nil)
	docID, path := d.ID.String(), "/api/v1/documents/"+d.ID.String()
	did(docID, didCreate)
	socket := bo.opened(d)
	var online EditorList[AdminEditor]
	eventually(t, "the connection is known", func() bool {
		online = decode[EditorList[AdminEditor]](root.call("GET", "/api/v1/admin/editors", nil))
		return len(online.Data) == 1
	})
	connection := online.Data[0].ConnectionID.String()
	root.call("DELETE", "/api/v1/admin/connections/"+connection, nil).wants(204, "")
	socket.closes(4403, 2*time.Second)
	did(connection, didEndConnection)
	copied := decode[Document](bo.call("POST", path+"/duplicate", nil).wants(201, ""))
	did(copied.ID.String(), didDuplicate)
	bo.call("PATCH", path, map[string]any{"key": "plans"}).wants(200, "")
	did(docID, didSetKey)
	bo.call("PATCH", path, map[string]any{"owner": rootID}).wants(200, "")
	did(docID, didTransfer)
	bo.call("DELETE", path, nil).wants(204, "")
	did(docID, didDelete)
	bo.call("DELETE", path+"?forever=true", nil).wants(204, "")
	did(docID, didPurge)

	root.call("PATCH", boPath, map[string]any{"disabled": true}).wants(200, "")
	did(boID, didDisableUser)
	root.call("PATCH", boPath, map[string]any{"disabled": false}).wants(200, "")
	did(boID, didEnableUser)
	root.call("DELETE", boPath, nil).wants(204, "")
	did(boID, didDeleteUser)
	if got := root.auditLog(url.Values{"actor": {boID}}); len(got) == 0 {
		t.Error("what somebody did is forgotten with the account")
	}
}
