package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/bizsync/bizsync/store"
	"github.com/bizsync/bizsync/store/sqlite"
)

// childEnv makes the test binary play the process that is killed: it holds the path of the database.
const childEnv = "BIZSYNC_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(context.Background(), path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m) // Close ends every goroutine
}

// child appends a row a commit to the document of key "crash" until it is killed, and prints each number when its commit has returned.
func child(ctx context.Context, path string) error {
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	user, err := s.UserByEmail(ctx, "ann@example.org")
	if err != nil {
		return err
	}
	access, err := s.Resolve(ctx, "crash", user.ID)
	if err != nil {
		return err
	}
	_, head, err := s.Roles(ctx, access.Document, nil)
	if err != nil {
		return err
	}
	key := store.Key{Run: uuid.New()}
	for {
		key.Number++
		text := fmt.Sprintf("row %d", head.Seq+1)
		res, err := s.Append(ctx, store.Batch{Key: key, Documents: []store.DocumentAppend{{
			Document: head.Document, Epoch: head.Epoch, UpTo: head.Seq, UpToRow: head.Row, AccessVersion: head.AccessVersion,
			Rows: []store.NewRow{{Author: user.ID, Update: []byte(text)}},
		}}})
		if err != nil {
			return err
		}
		head = res.Documents[0].Head
		fmt.Println(res.Documents[0].Rows[0].Seq)
	}
}
