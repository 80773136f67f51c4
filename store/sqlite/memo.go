package sqlite

import (
	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// memoHeads bounds the documents that a memo knows, and memoPeople the accounts and the credentials.
const (
	memoHeads  = 16_384
	memoPeople = 65_536
)

// memo is what the writer knows without asking, because its newest transactions read or wrote it: whoever types has just typed. It holds as long as the file's data version
// is the one after the last transaction that kept it up to date, so every other writer, of this process or not, makes it forget all. It never knows what is not there.
type memo struct {
	version uint32 // SQLite's data version of the file: each commit moves it, whosever it is

	heads       map[store.DocumentID]knownHead
	accounts    map[store.UserID]int64 // those that are active, and until when: guests end with their keys
	credentials map[uuid.UUID]int64    // logins and API keys of enabled accounts, and when they expire
	run         uuid.UUID              // whose batches have no number above number in the database; uuid.Nil: unknown
	number      uint64
	next        int64 // from this place on the log is empty; 0: unknown
}

// knownHead is a head with what Append needs beside it.
type knownHead struct {
	store.Head       // but for Lenient, which time changes
	reset      int64 // when history went back
	lastN      int64 // where the head's row is in the log
}

// at gives the head with its leniency at that time.
func (h knownHead) at(now int64) store.Head {
	h.Lenient = h.reset > now-leniency.Milliseconds()
	return h.Head
}

func newMemo() *memo {
	return &memo{
		heads:       make(map[store.DocumentID]knownHead),
		accounts:    make(map[store.UserID]int64),
		credentials: make(map[uuid.UUID]int64),
	}
}

// forget empties the memo.
func (m *memo) forget() {
	clear(m.heads)
	clear(m.accounts)
	clear(m.credentials)
	m.run, m.number, m.next = uuid.Nil, 0, 0
}

// room makes room for a batch of that many documents and rows.
func (m *memo) room(documents, rows int) {
	if len(m.heads)+documents > memoHeads {
		clear(m.heads)
	}
	if len(m.accounts)+rows > memoPeople {
		clear(m.accounts)
	}
	if len(m.credentials)+rows > memoPeople {
		clear(m.credentials)
	}
}
