package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// TestKeepAuditLog: entries of the audit log go when they have had their time, and stay for ever unless told otherwise.
func TestKeepAuditLog(t *testing.T) {
	for retention, want := range map[time.Duration]int{0: 3, 48 * time.Hour: 2} { // one of the two is about the other ones
		synctest.Test(t, func(t *testing.T) {
			s, err := sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			n := &node{store: s, retention: retention, log: slog.New(slog.DiscardHandler)}
			record := func() {
				if err := s.RecordAudit(t.Context(), store.AuditEntry{Action: "document.create"}); err != nil {
					t.Fatal(err)
				}
			}
			sweep := func() (swept int) {
				swept, err := n.sweepAudit(t.Context(), housekeepingRows)
				if err != nil {
					t.Fatal(err)
				}
				return swept
			}
			record()
			record()
			time.Sleep(2 * day)
			record()
			if swept := sweep(); swept != 0 {
				t.Errorf("kept for %v: %d entries of less than that went", retention, swept)
			}
			time.Sleep(day)
			sweep()
			sweep() // once a day is enough
			entries, _, err := s.AuditLog(t.Context(), store.AuditQuery{}, store.Page{})
			if err != nil || len(entries) != want {
				t.Errorf("kept for %v: %d entries are left, %v", retention, len(entries), err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestKeepHouse: what has expired, or was in the trash for long, goes by itself, and nothing before.
func TestKeepHouse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		var house sync.WaitGroup
		keep := func() (leave func()) {
			kept, cancel := context.WithCancel(ctx)
			house.Go(func() { (&node{store: s, log: slog.New(slog.DiscardHandler)}).keepHouse(kept) })
			return func() { cancel(); house.Wait() }
		}
		leave := keep()
		k := store.IdempotencyKey{Operation: "createDocument", Key: "k"}
		if _, err := s.BeginRequest(ctx, k, [32]byte{}, time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := s.FinishRequest(ctx, k, store.Reply{Status: 201}); err != nil {
			t.Fatal(err)
		}
		// A reply that is kept is one that can be given once more.
		time.Sleep(store.IdempotencyTime - time.Minute)
		if err := s.FinishRequest(ctx, k, store.Reply{}); err != nil {
			t.Errorf("a reply that somebody may still ask for: %v", err)
		}
		time.Sleep(time.Minute + 2*housekeepingPeriod)
		if err := s.FinishRequest(ctx, k, store.Reply{}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a reply of yesterday: %v", err)
		}
		// So has the trash its time.
		u, err := s.CreateUser(ctx, store.User{Email: "ann@example.com", Name: "Ann", Role: store.RoleMember})
		if err != nil {
			t.Fatal(err)
		}
		d, _, err := s.CreateDocument(ctx, store.Document{Title: "Plans", Owner: u.ID}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.TrashDocument(ctx, d.ID, u.ID); err != nil {
			t.Fatal(err)
		}
		leave() // for a month of sweeps would take minutes
		time.Sleep(store.TrashTime - 2*time.Hour)
		leave = keep()
		time.Sleep(time.Hour)
		if _, err := s.Document(ctx, d.ID, u.ID); err != nil {
			t.Errorf("a document that may be brought back: %v", err)
		}
		time.Sleep(time.Hour + 2*housekeepingPeriod)
		if _, err := s.Document(ctx, d.ID, u.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a document of last month's trash: %v", err)
		}
		leave()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
