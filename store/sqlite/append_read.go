package sqlite

import (
	"errors"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/store"
)

// lookUp gives the outcome under the batch's key, if it was used already.
func (a *appender) lookUp(t *tx) (outcome []byte, known bool, err error) {
	key := a.batch.Key
	if a.memo.run == key.Run && key.Number > a.memo.number {
		return nil, false, nil
	}
	err = t.row("SELECT outcome FROM batches WHERE run = ? AND number = ?", blob(key.Run), int64(key.Number)).Scan(&outcome)
	if !errors.Is(err, store.ErrNotFound) {
		return outcome, err == nil, err
	}
	if a.memo.run == key.Run {
		return nil, false, nil
	}
	a.memo.run = uuid.Nil
	if err := t.row("SELECT coalesce(max(number), 0) FROM batches WHERE run = ?", blob(key.Run)).Scan(&a.memo.number); err != nil {
		return nil, false, err
	}
	a.memo.run = key.Run
	return nil, false, nil
}

// learned tells the memo what has been committed.
func (a *appender) learned(m *memo) {
	if a.result.AlreadyCommitted {
		return
	}
	m.number = max(m.number, a.batch.Key.Number)
	for _, h := range a.moved {
		known := m.heads[h.Document]
		known.Seq, known.Row, known.lastN = h.Seq, h.Row, m.next+int64(h.last)
		m.heads[h.Document] = known
	}
	m.next += int64(len(a.newRows))
}

// head gives a document's head; one that is unknown has only its id.
func (a *appender) head(id store.DocumentID) store.Head {
	if h, ok := a.memo.heads[id]; ok {
		return h.at(a.now)
	}
	return store.Head{Document: id}
}

// readHeads brings the batch's heads into the memo, as far as they are not there.
func (a *appender) readHeads(t *tx) error {
	var ids []store.DocumentID
	for _, i := range a.order {
		id := a.batch.Documents[i].Document
		if _, ok := a.memo.heads[id]; !ok {
			ids = append(ids, id)
		}
	}
	return eachHead(t, ids, func(h knownHead) { a.memo.heads[h.Document] = h })
}

// readAccounts brings the authors' accounts into the memo.
func (a *appender) readAccounts(t *tx) error {
	var wanted map[store.UserID]struct{}
	for i := range a.batch.Documents {
		for j := range a.batch.Documents[i].Rows {
			author := a.batch.Documents[i].Rows[j].Author
			if !a.active(author) {
				if wanted == nil {
					wanted = make(map[store.UserID]struct{})
				}
				wanted[author] = struct{}{}
			}
		}
	}
	args := blobs(wanted)
	return chunks(len(args), func(from, size int) error {
		return t.each(func(row *sqlRows) error {
			var id store.UserID
			var until int64
			if err := row.Scan(&id, &until); err != nil {
				return err
			}
			a.memo.accounts[id] = until
			return nil
		}, forms.accounts[size], args[from:from+size]...)
	})
}

// readCredentials brings the logins and API keys into the memo. One that has expired there is looked at again: a login that is used lives longer.
func (a *appender) readCredentials(t *tx) error {
	var wanted map[uuid.UUID]struct{}
	for i := range a.batch.Documents {
		for j := range a.batch.Documents[i].Rows {
			if id := a.batch.Documents[i].Rows[j].Credential; !a.good(id) {
				if wanted == nil {
					wanted = make(map[uuid.UUID]struct{})
				}
				wanted[id] = struct{}{}
			}
		}
	}
	args := blobs(wanted)
	return chunks(len(args), func(from, size int) error {
		return t.each(func(row *sqlRows) error {
			var id uuid.UUID
			var expires int64
			if err := row.Scan(&id, &expires); err != nil {
				return err
			}
			a.memo.credentials[id] = expires
			return nil
		}, forms.credentials[size], args[from:from+size]...)
	})
}

// good says whether a login or API key lets its owner write.
func (a *appender) good(credential uuid.UUID) bool {
	return credential == uuid.Nil || a.memo.credentials[credential] > a.now
}

// active says whether an account exists, is not disabled, and no guest whose key has ended.
func (a *appender) active(user store.UserID) bool { return a.memo.accounts[user] > a.now }

func (a *appender) readBindings(t *tx) error {
	var args []any
	want := func(k bindingKey) {
		if a.bindings == nil {
			a.bindings = make(map[bindingKey]store.UserID)
		}
		if _, ok := a.bindings[k]; !ok {
			a.bindings[k] = store.UserID{}
			args = append(args, blob(k.document), int64(k.client))
		}
	}
	for _, i := range a.order {
		d := &a.batch.Documents[i]
		for _, c := range d.Announce {
			want(bindingKey{d.Document, c.Client})
		}
		for j := range d.Rows {
			for _, c := range d.Rows[j].Clients {
				want(bindingKey{d.Document, c})
			}
		}
	}
	return chunks(len(args)/2, func(from, size int) error {
		return t.each(func(row *sqlRows) error {
			var k bindingKey
			var user store.UserID
			if err := row.Scan(&k.document, &k.client, &user); err != nil {
				return err
			}
			a.bindings[k] = user
			return nil
		}, forms.bindings[size], args[2*from:2*(from+size)]...)
	})
}

// blobs gives ids as arguments of a statement.
func blobs(ids map[uuid.UUID]struct{}) []any {
	args := make([]any, 0, len(ids))
	for id := range ids {
		args = append(args, blob(id))
	}
	return args
}
