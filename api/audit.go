package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/store"
)

// What is recorded in the audit log. The part before the dot says what kind of thing the subject is.
const (
	didLogin         = "session.login"
	didFail          = "session.failed"
	didLogout        = "session.logout"
	didEndSession    = "session.end"
	didCreateUser    = "user.create"
	didChangeUser    = "user.change"
	didDisableUser   = "user.disable"
	didEnableUser    = "user.enable"
	didDeleteUser    = "user.delete"
	didPassword      = "user.password"
	didReset         = "user.reset"
	didInvite        = "user.invite"
	didCreateKey     = "key.create"
	didDeleteKey     = "key.delete"
	didUseKey        = "key.use"
	didCreate        = "document.create"
	didRename        = "document.rename"
	didSetKey        = "document.key"
	didTransfer      = "document.transfer"
	didDelete        = "document.delete"
	didRestore       = "document.restore"
	didPurge         = "document.purge"
	didDuplicate     = "document.duplicate"
	didShare         = "document.share"
	didSetRole       = "document.role"
	didUnshare       = "document.unshare"
	didCreateToken   = "token.create"
	didEndConnection = "admin.disconnect"
)

const (
	// auditTime bounds recording an act.
	auditTime = 2 * time.Second
	// usesRemembered bounds how many uses of API keys a node remembers having recorded.
	usesRemembered = 10_000
	// usesRead is how many of a day's uses of an API key are looked through: with more addresses, some are recorded again.
	usesRead = 200
)

// auditor remembers which uses of API keys were recorded, and counts what could not be.
type auditor struct {
	failures prometheus.Counter

	mu   sync.Mutex
	day  time.Time           // guarded by mu, like uses: of which uses are remembered
	uses map[keyUse]struct{} // that day's
}

// keyUse is an API key at an address.
type keyUse struct {
	key     uuid.UUID
	address string
}

func newAuditor(reg prometheus.Registerer) *auditor {
	a := &auditor{failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "bizsync_audit_failures_total", Help: "Acts that could not be recorded in the audit log."})}
	if reg != nil {
		reg.MustRegister(a.failures)
	}
	return a
}

// first says whether a use is the first that this node knows of on its day.
func (a *auditor) first(use keyUse, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if day := now.UTC().Truncate(24 * time.Hour); day != a.day || len(a.uses) >= usesRemembered {
		a.day, a.uses = day, make(map[keyUse]struct{})
	}
	_, known := a.uses[use]
	a.uses[use] = struct{}{}
	return !known
}

// forget has the next use be the first one.
func (a *auditor) forget(use keyUse) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.uses, use)
}

// as gives a context in which a user acts who has only now been found out: somebody who logs in.
func as(ctx context.Context, user store.User) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{user: user})
}

// audit records that the caller did something to a subject, whose name it is that follows. See record.
func (s *Server) audit(ctx context.Context, action, subject, name, detail string) (recorded bool) {
	return s.record(ctx, store.AuditEntry{Action: action, Subject: subject, Name: name, Detail: detail})
}

// record records what the caller did, and from where. It is called when that is done; an act whose record fails has happened all the same, which is logged and counted. Whoever hangs
// up in the meantime is recorded, too.
func (s *Server) record(ctx context.Context, entries ...store.AuditEntry) (recorded bool) {
	who, address := callerOf(ctx), visitOf(ctx).address.String()
	for i := range entries {
		entries[i].Actor, entries[i].ActorName, entries[i].Key, entries[i].Address = who.user.ID, who.user.Name, who.key.ID, address
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	if err := s.store.RecordAudit(limited, entries...); err != nil {
		s.auditor.failures.Inc()
		s.log.ErrorContext(ctx, "an act could not be recorded in the audit log", "action", entries[0].Action, "subject", entries[0].Subject, "actor", who.user.ID, "error", err)
		return false
	}
	return true
}

// auditUse records the use of an API key, once a day for each address.
func (s *Server) auditUse(ctx context.Context, who caller) {
	now, address := time.Now(), visitOf(ctx).address.String()
	use := keyUse{key: who.key.ID, address: address}
	if !s.auditor.first(use, now) {
		return
	}
	// Another node may have recorded it, or this one before it was started again.
	q := store.AuditQuery{Actor: who.user.ID, Action: didUseKey, Subject: who.key.ID.String(), From: now.UTC().Truncate(24 * time.Hour)}
	entries, _, err := s.store.AuditLog(ctx, q, store.Page{Limit: usesRead})
	if err == nil {
		for _, e := range entries {
			if e.Address == address {
				return
			}
		}
	}
	if !s.audit(context.WithValue(ctx, callerKey{}, who), didUseKey, who.key.ID.String(), who.key.Name, "") {
		s.auditor.forget(use) // the next use is the first
	}
}

// auditFailedLogin records an attempt to log in as a user (the zero value: nobody has that address). What was typed as an address may be anything, a password even: only what looks like
// one is kept.
func (s *Server) auditFailedLogin(ctx context.Context, user store.User, email string) {
	subject := ""
	if user.ID != uuid.Nil {
		subject = user.ID.String()
	}
	if _, _, err := CleanAccount(email, "x"); err != nil {
		email = ""
	}
	s.audit(ctx, didFail, subject, email, "")
}

// auditUserChange records what has become another of an account.
func (s *Server) auditUserChange(ctx context.Context, before, user store.User) {
	var what []string
	if user.Name != before.Name {
		what = append(what, "name")
	}
	if user.Role != before.Role {
		what = append(what, "role "+string(user.Role))
	}
	if len(what) > 0 {
		s.audit(ctx, didChangeUser, user.ID.String(), user.Name, strings.Join(what, ", "))
	}
	if user.Disabled != before.Disabled {
		action := didEnableUser
		if user.Disabled {
			action = didDisableUser
		}
		s.audit(ctx, action, user.ID.String(), user.Name, "")
	}
}

// auditMember records that a member's role has become another, and so have those of its guests. NoRole after is for one who was removed, or has left.
func (s *Server) auditMember(ctx context.Context, doc store.DocumentID, title string, change store.MemberChange, after store.Role) {
	entries := []store.AuditEntry{roleEntry(change.Member, change.Before, after, "")}
	for _, guest := range change.Guests {
		entries = append(entries, roleEntry(guest, guest.Role, after, ", with "+change.Member.Name))
	}
	for i := range entries {
		entries[i].Subject, entries[i].Name = doc.String(), title
	}
	s.record(ctx, entries...)
}

// roleEntry says what has become of a member's role.
func roleEntry(m store.Member, before, after store.Role, why string) store.AuditEntry {
	who := fmt.Sprintf("%s (%s)", m.Name, m.User)
	switch {
	case after == store.NoRole:
		return store.AuditEntry{Action: didUnshare, Detail: fmt.Sprintf("%s, before %s%s", who, before, why)}
	case before == store.NoRole:
		return store.AuditEntry{Action: didShare, Detail: fmt.Sprintf("%s: %s%s", who, after, why)}
	}
	return store.AuditEntry{Action: didSetRole, Detail: fmt.Sprintf("%s: %s, before %s%s", who, after, before, why)}
}

// titleOf gives a document's title as the caller sees it, for the audit log; "" when that can't be read.
func (s *Server) titleOf(ctx context.Context, doc store.DocumentID) string {
	d, err := s.store.Document(ctx, doc, callerOf(ctx).user.ID)
	if err != nil {
		return ""
	}
	return d.Title
}

// expiryText says when something expires, behind other words.
func expiryText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return ", expires " + at.UTC().Format(time.DateOnly)
}

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	ID      uuid.UUID  `json:"id" format:"uuid"`
	At      time.Time  `json:"at"`
	Actor   *Person    `json:"actor,omitempty" doc:"Who did it, by the name of then; left out when that isn't known."`
	Key     *uuid.UUID `json:"key,omitempty" format:"uuid" doc:"The API key that it was done with."`
	Action  string     `json:"action" doc:"What was done." example:"document.share"`
	Subject string     `json:"subject,omitempty" doc:"What it was done to: an id." example:"0198c0de-5eed-7000-8000-0000000000ad"`
	Name    string     `json:"name,omitempty" doc:"What that was called then: a title, a person's name." example:"Plans for spring"`
	Address string     `json:"address" doc:"From which network address."`
	Detail  string     `json:"detail,omitempty" doc:"What else there is to say." example:"Bo: editor"`
}

func auditEntryOf(e store.AuditEntry) AuditEntry {
	out := AuditEntry{ID: e.ID, At: e.At.UTC(), Action: e.Action, Subject: e.Subject, Name: e.Name, Address: e.Address, Detail: e.Detail}
	if e.Actor != uuid.Nil {
		out.Actor = &Person{ID: e.Actor, Name: e.ActorName}
	}
	if e.Key != uuid.Nil {
		out.Key = &e.Key
	}
	return out
}

type listAuditInput struct {
	PageInput
	Actor   uuid.UUID `query:"actor" format:"uuid" doc:"Only what this account did."`
	Action  string    `query:"action" maxLength:"64" doc:"Only this action; or all that begin so, when it ends with a dot: document."`
	Subject string    `query:"subject" maxLength:"128" doc:"Only what was done to this: an account, a document, an API key."`
	From    time.Time `query:"from" doc:"Not before."`
	To      time.Time `query:"to" doc:"Before."`
}

func (s *Server) auditRoutes() {
	register(s, huma.Operation{OperationID: "listAudit", Method: http.MethodGet, Path: prefix + "/admin/audit", Tags: []string{"Administration"}, Summary: "Read the audit log",
		Description: "Who did what, from where: logins, accounts, access to documents, deletions, API keys, what admins do. Newest first. Nobody can change an entry, and none is deleted before its time " +
			"(`--audit-retention`, which is for ever unless set), which leaves the entry `audit.sweep`. The use of an API key " +
			"is recorded once a day for each address. Admins only."}, admin, s.listAudit)
}

func (s *Server) listAudit(ctx context.Context, in *listAuditInput) (*listOutput[AuditEntry], error) {
	entries, next, err := s.store.AuditLog(ctx, store.AuditQuery{Actor: in.Actor, Action: in.Action, Subject: in.Subject, From: in.From, To: in.To}, in.page())
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return listOf(entries, next, auditEntryOf), nil
}
