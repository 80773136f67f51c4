package collab

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/bizsync/bizsync/collab/crdt"
	"github.com/bizsync/bizsync/store"
)

func TestViewersWriteNothing(t *testing.T) {
	inLab(t, 2, Options{}, func(l *lab) {
		writer, viewer := l.open(0), l.open(1)
		u := writer.typed(nil, "hello")
		l.settle()
		rows := l.count(l.doc)
		viewer.wantAcked(l, true) // its step 2 at the start added nothing
		viewer.raw(syncStep2, u)
		l.settle()
		viewer.wantRefused(l)

		viewer.raw(syncUpdate, viewer.draft(nil, "typing"))
		viewer.raw(syncStep2, viewer.draft(&crdt.ID{Client: viewer.id, Clock: 5}, "more"))
		viewer.raw(syncUpdate, deletion(crdt.ID{Client: writer.id, Clock: 1}, 3))
		time.Sleep(300 * time.Millisecond)
		l.settle()
		viewer.wantRefused(l, CloseForbidden, CloseForbidden, CloseForbidden)
		viewer.wantAcked(l, true)
		viewer.wantClosed(l, 0)
		if got := l.count(l.doc); got != rows {
			l.Errorf("%d rows, want %d", got, rows)
		}
		// It still hears of what others do.
		wantHas(l, writer.typed(&crdt.ID{Client: writer.id, Clock: 4}, "!"), false, viewer)
		l.settle()
		if sv := viewer.doc.StateVector(); sv[writer.id] != 6 {
			l.Errorf("the viewer has %v", sv)
		}
	})
}

// A client that did not ask for bizsync.v1 hears of a refusal in the words of y-protocols' auth message.
func TestStockClientsAreToldOfRefusals(t *testing.T) {
	inLab(t, 2, Options{}, func(l *lab) {
		viewer := l.openAs(newModel(7, l.users[1], nil), func(p *Peer) { p.Acks = false })
		viewer.raw(syncUpdate, viewer.draft(nil, "typing"))
		time.Sleep(200 * time.Millisecond)
		l.settle()
		viewer.mu.Lock()
		defer viewer.mu.Unlock()
		if len(viewer.denied) != 1 || viewer.ackedTo != 0 {
			l.Errorf("denied %q, acknowledged %d", viewer.denied, viewer.ackedTo)
		}
	})
}

func TestATokenCanOnlyTakeAway(t *testing.T) {
	inLab(t, 2, Options{}, func(l *lab) {
		tb := l.openAs(newModel(7, l.users[0], nil), func(p *Peer) { p.MaxRole = store.Viewer })
		tb.raw(syncUpdate, tb.draft(nil, "typing"))
		time.Sleep(200 * time.Millisecond)
		l.settle()
		tb.wantRefused(l, CloseForbidden)
	})
}

func TestARoleThatIsTakenAway(t *testing.T) {
	inLab(t, 4, Options{}, func(l *lab) {
		downgraded, removed := l.open(1), l.open(2)
		l.setRole(l, l.doc, l.users[1], store.Viewer)
		if _, err := l.RemoveMember(l.Context(), l.doc, l.users[2], uuid.Nil); err != nil {
			l.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		removed.wantClosed(l, CloseForbidden)
		downgraded.wantClosed(l, 0)
		downgraded.raw(syncUpdate, downgraded.draft(nil, "late"))
		time.Sleep(300 * time.Millisecond)
		downgraded.wantRefused(l, CloseForbidden)
		l.setRole(l, l.doc, l.users[1], store.Editor)
		l.hub.AccessChanged(l.doc)
		l.settle()
		downgraded.mu.Lock()
		downgraded.clock = 0
		downgraded.mu.Unlock()
		downgraded.typed(nil, "again")
		l.settle()
		downgraded.wantAcked(l, true)
		downgraded.wantRefused(l, CloseForbidden)
	})
}

// A role that changes between judging and committing is found by the transaction, and only that author's part is refused.
func TestTheCommitChecksRightsAgain(t *testing.T) {
	o := Options{}
	o.Timing.HeadPoll = time.Hour
	inLab(t, 4, o, func(l *lab) {
		a, b, c := l.open(0), l.open(1), l.open(2)
		release := l.hold()
		a.typed(nil, "in flight")
		l.settle()
		ua := a.typed(&crdt.ID{Client: a.id, Clock: 8}, " and on")
		ub := b.typed(nil, "not any more")
		synctest.Wait()
		l.setRole(l, l.doc, l.users[1], store.Viewer)
		release()
		time.Sleep(500 * time.Millisecond)
		l.settle()
		a.wantAcked(l, true)
		a.wantRefused(l)
		b.wantRefused(l, CloseForbidden)
		b.wantClosed(l, 0)
		wantHas(l, ua, true, c)
		wantHas(l, ub, false, a, c)
		if l.holds(l, l.doc, ub) {
			l.Error("committed without the right")
		}
	})
}

// A connection whose role was read before the room was loaded is not taken at the room's word.
func TestARoleThatWasReadTooEarly(t *testing.T) {
	inLab(t, 4, Options{}, func(l *lab) {
		access, err := l.Resolve(l.Context(), l.doc.String(), l.users[1])
		if err != nil {
			l.Fatal(err)
		}
		l.setRole(l, l.doc, l.users[1], store.Viewer)
		gate := make(chan struct{})
		l.mu.Lock()
		l.rolesGate = gate
		l.mu.Unlock()
		late := l.openAs(newModel(7, l.users[1], nil), func(p *Peer) { p.Role, p.AccessVersion = access.Role, access.Version })
		u := late.typed(nil, "once upon a time I was an editor")
		l.settle()
		if l.holds(l, l.doc, u) {
			l.Error("committed by a role that was gone")
		}
		close(gate)
		time.Sleep(time.Second)
		l.settle()
		late.wantRefused(l, CloseForbidden)
	})
}

func TestATrashedDocumentClosesItsSockets(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a := l.open(1)
		if _, err := l.TrashDocument(l.Context(), l.doc, uuid.Nil); err != nil {
			l.Fatal(err)
		}
		a.typed(nil, "too late")
		l.settle()
		a.wantClosed(l, CloseNotFound)
		if _, err := l.RestoreDocument(l.Context(), l.doc, uuid.Nil); err != nil {
			l.Fatal(err)
		}
		b := l.open(1)
		b.wantClosed(l, 0)
		if _, err := l.TrashDocument(l.Context(), l.doc, uuid.Nil); err != nil {
			l.Fatal(err)
		}
		time.Sleep(3 * time.Second) // idle sockets close too
		synctest.Wait()
		b.wantClosed(l, CloseNotFound)
	})
}

// TestAPurgedDocumentClosesItsSockets: a document may be gone for good before anybody has seen it in the trash.
func TestAPurgedDocumentClosesItsSockets(t *testing.T) {
	inLab(t, 2, Options{}, func(l *lab) {
		a := l.open(1)
		if _, err := l.TrashDocument(l.Context(), l.doc, uuid.Nil); err != nil {
			l.Fatal(err)
		}
		if err := l.PurgeDocument(l.Context(), l.doc); err != nil {
			l.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		a.wantClosed(l, CloseNotFound)
	})
}

func TestOthersClientIDs(t *testing.T) {
	inLab(t, 4, Options{}, func(l *lab) {
		victim, attacker := l.open(0), l.open(1)
		victim.typed(nil, "mine")
		l.settle()
		rows := l.count(l.doc)

		// In a step 2 the others' part is cut out, said, and the remainder commits.
		forged := insertion(crdt.ID{Client: victim.id, Clock: 4}, &crdt.ID{Client: victim.id, Clock: 3}, "forged")
		own := attacker.draft(nil, "own")
		attacker.raw(syncStep2, crdt.MergeUpdates(forged, own))
		time.Sleep(300 * time.Millisecond)
		l.settle()
		attacker.wantRefused(l, CloseClientID)
		attacker.wantAcked(l, true)
		attacker.wantClosed(l, 0)
		wantHas(l, own, true, victim)
		wantHas(l, forged, false, victim)

		// Old structs of others are never a reason to refuse: IndexedDB brings them.
		attacker.raw(syncStep2, victim.doc.Encode())
		attacker.raw(syncUpdate, victim.doc.Encode())
		l.settle()
		attacker.wantRefused(l, CloseClientID)
		attacker.wantAcked(l, true)

		attacker.raw(syncUpdate, forged)
		time.Sleep(300 * time.Millisecond)
		l.settle()
		attacker.wantClosed(l, CloseClientID)
		if got := l.count(l.doc); got != rows+1 {
			l.Errorf("%d rows, want %d", got, rows+1)
		}
		victim.typed(&crdt.ID{Client: victim.id, Clock: 3}, " still")
		l.settle()
		victim.wantAcked(l, true)
	})
}

// An id that was only announced in awareness is its account's before anybody else can write under it.
func TestAnAnnouncedClientIDIsBound(t *testing.T) {
	inLab(t, 4, Options{}, func(l *lab) {
		victim, attacker := l.open(0), l.open(1)
		l.settle()
		attacker.raw(syncUpdate, insertion(crdt.ID{Client: victim.id}, nil, "first"))
		time.Sleep(300 * time.Millisecond)
		l.settle()
		attacker.wantClosed(l, CloseClientID)
		victim.typed(nil, "mine")
		l.settle()
		victim.wantAcked(l, true)
		// The binding outlives the room.
		victim.leave(l)
		time.Sleep(time.Minute)
		again := l.open(1)
		again.raw(syncUpdate, insertion(crdt.ID{Client: victim.id, Clock: 4}, nil, "later"))
		time.Sleep(300 * time.Millisecond)
		l.settle()
		again.wantClosed(l, CloseClientID)
	})
}

// Two tabs of one account bring each other's edits.
func TestClientIDsAreSharedWithinAnAccount(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		a, b := l.open(0), l.open(0)
		u := a.draft(nil, "over the BroadcastChannel")
		b.raw(syncUpdate, u)
		l.settle()
		b.wantAcked(l, true)
		wantHas(l, u, true, a)
	})
}

func TestUploaderModeTrustsClientIDs(t *testing.T) {
	inLab(t, 3, Options{TrustClientIDs: true}, func(l *lab) {
		a, b := l.open(0), l.open(1)
		a.typed(nil, "mine")
		l.settle()
		b.raw(syncUpdate, insertion(crdt.ID{Client: a.id, Clock: 4}, &crdt.ID{Client: a.id, Clock: 3}, "uploaded"))
		l.settle()
		b.wantAcked(l, true)
		b.wantRefused(l)
	})
}

func TestEndSessionClosesItsSockets(t *testing.T) {
	inLab(t, 3, Options{}, func(l *lab) {
		login := uuid.New()
		a := l.openAs(newModel(7, l.users[0], nil), func(p *Peer) { p.Session = login })
		b := l.open(0)
		l.hub.EndSession(login)
		synctest.Wait()
		a.wantClosed(l, CloseUnauthorized)
		b.wantClosed(l, 0)
	})
}

func TestLimitsCountWhatAFrameAdds(t *testing.T) {
	// structs gives n structs that don't join: letters that each stand after the first.
	structs := func(client uint64, n int) crdt.Update {
		us := []crdt.Update{insertion(crdt.ID{Client: client}, nil, "x")}
		for i := 1; i < n; i++ {
			us = append(us, insertion(crdt.ID{Client: client, Clock: uint32(i)}, &crdt.ID{Client: client}, "x"))
		}
		return crdt.MergeUpdates(us...)
	}
	tests := []struct {
		name   string
		limits Limits
		update crdt.Update
		code   int // 0: taken
	}{
		{"structs at the limit", Limits{FrameStructs: 10}, structs(101, 11), 0}, // the second letter follows the first: one struct
		{"structs above it", Limits{FrameStructs: 10}, structs(101, 12), CloseTooLarge},
		{"clients at the limit", Limits{FrameClients: 2}, crdt.MergeUpdates(structs(101, 1), structs(102, 1)), 0},
		{"clients above it", Limits{FrameClients: 1}, crdt.MergeUpdates(structs(101, 1), structs(102, 1)), CloseTooLarge},
		{"a document that is full", Limits{DocumentBytes: 100}, insertion(crdt.ID{Client: 101}, nil, string(make([]byte, 101))), CloseTooLarge},
		{"a document that isn't", Limits{DocumentBytes: 1000}, insertion(crdt.ID{Client: 101}, nil, string(make([]byte, 101))), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inLab(t, 3, Options{Limits: tt.limits}, func(l *lab) {
				a := l.open(0)
				a.raw(syncUpdate, tt.update)
				l.settle()
				a.wantAcked(l, true)
				if tt.code == 0 {
					a.wantRefused(l)
				} else {
					a.wantRefused(l, tt.code)
				}
				a.wantClosed(l, 0)
			})
		})
	}
}

func TestAFullDocumentCanStillBeEmptied(t *testing.T) {
	o := Options{}
	o.Limits.DocumentBytes = clientBytes + 120
	inLab(t, 3, o, func(l *lab) {
		a := l.open(0)
		a.typed(nil, string(make([]byte, 80)))
		l.settle()
		a.raw(syncUpdate, a.draft(nil, "too much for what is left of it"))
		l.settle()
		a.wantRefused(l, CloseTooLarge)
		a.raw(syncUpdate, deletion(crdt.ID{Client: a.id}, 80))
		l.settle()
		a.wantAcked(l, true)
		a.wantRefused(l, CloseTooLarge)
	})
}

func TestSocketsOfOneUser(t *testing.T) {
	o := Options{}
	o.Limits.SocketsPerUser = 3
	inLab(t, 3, o, func(l *lab) {
		mine := []*tab{l.open(0), l.open(0), l.open(0)}
		time.Sleep(40 * time.Second) // they send nothing, and answer pings
		l.open(0).wantClosed(l, CloseTryAgain)
		l.open(1).wantClosed(l, 0)
		mine[1].link.silent.Store(time.Now().UnixNano())
		time.Sleep(13 * time.Second)
		l.open(0).wantClosed(l, 0)
		mine[0].wantClosed(l, 0)
		mine[1].wantClosed(l, CloseTryAgain)
		mine[2].wantClosed(l, 0)
	})
}

// A document that is full makes room by what a step 2 deletes, though the same step 2 brings more than fits.
func TestAFullDocumentTakesTheDeletesOfAStep2(t *testing.T) {
	inLab(t, 3, Options{Limits: Limits{DocumentBytes: 20_000}}, func(l *lab) {
		tb := l.openSilent(0)
		u := tb.typed(nil, strings.Repeat("x", 15_000))
		l.settle()
		tb.wantAcked(l, true)
		more := insertion(crdt.ID{Client: tb.id, Clock: 15_000}, &crdt.ID{Client: tb.id, Clock: 14_999}, strings.Repeat("y", 10_000))
		all := crdt.MergeUpdates(u, more, deletion(crdt.ID{Client: tb.id}, 12_000))
		tb.raw(syncStep2, all)
		l.settle()
		tb.wantRefused(l, CloseTooLarge)
		time.Sleep(2 * time.Second) // it is asked for the rest
		tb.raw(syncStep2, all)
		l.settle()
		tb.wantAcked(l, true)
		c, err := l.hub.Content(l.Context(), l.doc)
		if err != nil || !bytes.Contains(c.Update, []byte("yyyy")) {
			l.Errorf("the rest is missing, %v", err)
		}
	})
}
