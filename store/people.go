package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// MaxPeople is how many people a search finds at most.
const MaxPeople = 20

// People finds, ends and lends accounts.
type People interface {
	// FindPeople gives accounts that one may share with, at most limit (and MaxPeople), best match first: those whose email begins with query, or of whose name a word does,
	// without regard to case; an email that is equal comes first. Disabled, deleted and guest accounts are left out. An empty query finds nobody.
	FindPeople(ctx context.Context, query string, limit int) ([]User, error)
	// DeleteUser ends an account for good, in one transaction: its logins, links, API keys, notices and memberships go, and with the keys their guests; documents that would lose
	// their last owner (a person whose account works), and those whose Owner it is, also in the trash, get heir as an owner; of the latter heir becomes the Owner. What it has written stays, without a
	// name: the account's email, name and password are erased, and it is neither found nor listed any more; only notices to others keep the name of then. It moves the access
	// revision, and the access version of every document that lost or got a member. affected are those documents, in any order. ErrNotFound for an unknown or guest account, or such an
	// heir, or a disabled one; ErrLastAdmin; ErrConflict when heir is id.
	DeleteUser(ctx context.Context, id, heir UserID) (affected []DocumentID, err error)
	// Guest gives the account that stands for a person of somebody else's system, made at the first call and renamed when the name is another one; external is that system's
	// name for the person (see ValidExternal). A guest belongs to its API key: it has no email, can't log in, is not listed among Users, gets no notices, and lapses when the key is
	// deleted or expires, or the key's user is disabled. In no document has it more than that user: ErrAboveLender, and when that user's role is lowered or taken away,
	// so is the guest's (see SetMember). ErrNotFound for an unknown or expired key, or one of a disabled user; ErrTooMany when the key has Limits.Guests others.
	Guest(ctx context.Context, key uuid.UUID, external, name string) (User, error)
}

// MaxExternal is how many bytes the name may have by which another system calls its person.
const MaxExternal = 200

// ValidExternal says whether another system may call a person so: by 1 to MaxExternal bytes of UTF-8, without NUL.
func ValidExternal(external string) bool {
	return external != "" && len(external) <= MaxExternal && utf8.ValidString(external) && !strings.Contains(external, "\x00")
}

// PeopleSearch ranks accounts by how well they match what somebody types, so that every database finds the same people in the same order. It keeps no more than it may find,
// however many it is shown. It is not safe for concurrent use.
type PeopleSearch struct {
	query string
	limit int
	found []foundPerson // best first
}

type foundPerson struct {
	rank int // less is better
	name string
	id   UserID
}

// compare sorts by rank, then by name, then by id.
func (p foundPerson) compare(q foundPerson) int {
	return cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(p.name, q.name), bytes.Compare(p.id[:], q.id[:]))
}

// NewPeopleSearch begins a search as FindPeople describes it.
func NewPeopleSearch(query string, limit int) *PeopleSearch {
	return &PeopleSearch{query: strings.ToLower(strings.TrimSpace(query)), limit: max(min(limit, MaxPeople), 0)}
}

// Empty says that nobody can be found, whoever is shown.
func (s *PeopleSearch) Empty() bool { return s.query == "" || s.limit == 0 }

// Query is what is searched for, in lower case.
func (s *PeopleSearch) Query() string { return s.query }

// Add shows the search an account.
func (s *PeopleSearch) Add(id UserID, email, name string) {
	if s.Empty() {
		return
	}
	name = strings.ToLower(name)
	rank, ok := s.rank(strings.ToLower(strings.TrimSpace(email)), name)
	if !ok {
		return
	}
	p := foundPerson{rank, name, id}
	at, _ := slices.BinarySearchFunc(s.found, p, foundPerson.compare)
	if at == s.limit {
		return
	}
	s.found = slices.Insert(s.found, at, p)
	s.found = s.found[:min(len(s.found), s.limit)]
}

func (s *PeopleSearch) rank(email, name string) (rank int, ok bool) {
	switch {
	case email == s.query:
		return 0, true
	case strings.HasPrefix(name, s.query):
		return 1, true
	case strings.HasPrefix(email, s.query):
		return 2, true
	}
	return 3, wordBegins(name, s.query)
}

// wordBegins says whether query stands in text where a word begins.
func wordBegins(text, query string) bool {
	for from := 0; from < len(text); {
		at := strings.Index(text[from:], query)
		if at < 0 {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		if at == 0 || !unicode.In(before, unicode.Letter, unicode.Number, unicode.Mark) {
			return true
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		from = at + size
	}
	return false
}

// Found gives those that match, best first.
func (s *PeopleSearch) Found() []UserID {
	ids := make([]UserID, len(s.found))
	for i, p := range s.found {
		ids[i] = p.id
	}
	return ids
}
