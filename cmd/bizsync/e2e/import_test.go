package e2e

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
)

// TestImport: a node that has worked alone dies, its data is moved to PostgreSQL, where the first try is killed, and two nodes go on: every login, token, byte and client id is
// what it was.
func TestImport(t *testing.T) {
	single := startServer(t)
	admin := single.Admin()
	ada, bo := admin.Member("ada"), admin.Member("bo")
	var docs []string
	for _, title := range []string{"Large", "Small", "Empty"} {
		docs = append(docs, ada.Document(title, bo))
	}
	large, small := docs[0], docs[1]
	const adas, bos = 4711, 4712
	writer := single.dial(t, large, ada.Token(large), "bizsync.v1").joined()
	noise, clock := rand.NewChaCha8([32]byte{}), uint64(0)
	for frame := range uint64(12) {
		piece := make([]byte, 1<<20)
		_, _ = noise.Read(piece) // never fails
		text := hex.EncodeToString(piece)
		writer.send(update(typedAt(adas, clock, text)))
		clock += uint64(len(text))
		if o := writer.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > frame }); o.code != 0 {
			t.Fatalf("closed with %d", o.code)
		}
	}
	other := single.dial(t, small, bo.Token(small), "bizsync.v1").joined()
	other.send(update(typedAt(bos, 0, "a few words")))
	other.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > 0 })
	minted := ada.Token(large)
	content := func(p *rig.Person) (all [][]byte) {
		t.Helper()
		for _, doc := range docs {
			var b []byte
			p.Call("GET", "/documents/"+doc+"/content?format=yjs", nil, http.StatusOK, &b)
			all = append(all, b)
		}
		return all
	}
	before := content(ada)
	single.Kill()

	database := postgresServer(t)
	args := []string{"import", "--from", single.Dir, "--database-url", database}
	killed := exec.Command(program, args...)
	stderr, err := killed.StderrPipe()
	if err == nil {
		err = killed.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n') // rows are on their way
	if err != nil {
		t.Errorf("%q, %v", line, err)
	}
	_ = killed.Process.Kill() // which fails when it has ended
	answers := []string{"imported " + single.Dir + " into ", "nothing was changed"}
	switch err := killed.Wait(); {
	case err == nil: // on a machine that has better things to do than to kill
		answers[0] = answers[1]
	case !strings.Contains(err.Error(), "killed"):
		t.Fatalf("the import was to be killed: %v", err)
	}
	for _, want := range answers {
		var out, log bytes.Buffer
		cmd := exec.Command(program, args...)
		cmd.Stdout, cmd.Stderr = &out, &log
		if err := cmd.Run(); err != nil || !strings.Contains(out.String(), want) {
			t.Fatalf("%q, %v, want %q\n%s", out.String(), err, want, log.String())
		}
		if !strings.Contains(log.String(), "documents: 3 of 3 rows\n") {
			t.Errorf("progress: %s", log.String())
		}
	}

	redis := startRedis(t)
	for name, node := range map[string]*server{
		"A": startServer(t, "--database-url", database, "--redis-url", redis.URL()), "B": startServer(t, "--database-url", database, "--redis-url", redis.URL()),
	} {
		ada, bo := ada.At(node.Server), bo.At(node.Server) // the logins of before; the cookie is for the host, whatever the port
		for i, got := range content(ada) {
			if !bytes.Equal(got, before[i]) {
				t.Errorf("node %s, document %d: %d bytes of content, they were %d", name, i, len(got), len(before[i]))
			}
		}
		// ada's client id is still hers, and the token of before is good.
		forger := node.dial(t, large, bo.Token(large), "bizsync.v1").joined()
		forger.send(update(typedAt(adas, clock, "forged")))
		if o := forger.until("the close", func(outcome, []byte) bool { return false }); o.code != 4409 {
			t.Errorf("node %s: under another's client id: %+v", name, o)
		}
		owner := node.dial(t, large, minted, "bizsync.v1").joined()
		owner.send(update(typedAt(adas, clock, "on")))
		if o := owner.until("an acknowledgement", func(o outcome, _ []byte) bool { return o.acked > 0 }); o.code != 0 || len(o.refusals) != 0 {
			t.Errorf("node %s: under her own client id: %+v", name, o)
		}
		clock += 2
		var now []byte
		ada.Call("GET", "/documents/"+large+"/content?format=yjs", nil, http.StatusOK, &now)
		before[0] = now
	}
}
