package relay

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func testKey(tb testing.TB, secret string) []byte {
	tb.Helper()
	key, err := deriveKey([]byte(secret))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// sealed is an envelope as another node would send it.
func sealed(tb testing.TB, secret string, run [runSize]byte, channel string, body []byte) []byte {
	env := blank(run, body)
	newSealer(testKey(tb, secret)).seal(channel, env)
	return env
}

func TestSecretIsNeeded(t *testing.T) {
	if _, err := deriveKey(nil); err == nil {
		t.Error("a key was derived from nothing")
	}
}

func TestEnvelope(t *testing.T) {
	run, channel := [runSize]byte{1, 2, 3}, documentChannel(document(5))
	env := sealed(t, "secret", run, channel, []byte("body"))
	s := newSealer(testKey(t, "secret"))
	if inspect(string(env)) != "" || !s.genuine(channel, env) || string(env[headerSize:]) != "body" {
		t.Fatal("a genuine envelope is refused")
	}
	if s.genuine(documentChannel(document(6)), env) {
		t.Error("moved to another channel it is still genuine")
	}
	if newSealer(testKey(t, "other")).genuine(channel, env) {
		t.Error("it is genuine under another secret")
	}
	// The length in front of the name keeps bytes from moving between channel and body.
	if s.genuine(channel+"bo", append(bytes.Clone(env[:headerSize]), "dy"...)) {
		t.Error("bytes of the body may become the channel's")
	}
	for bit := range len(env) * 8 {
		env[bit/8] ^= 1 << (bit % 8)
		if inspect(string(env)) == "" && s.genuine(channel, env) {
			t.Errorf("still genuine with bit %d flipped", bit)
		}
		env[bit/8] ^= 1 << (bit % 8)
	}
	for n := range len(env) {
		if inspect(string(env[:n])) == "" && s.genuine(channel, env[:n]) {
			t.Errorf("still genuine when cut to %d bytes", n)
		}
	}
	if !s.genuine(channel, env) {
		t.Error("checking others has spoiled the sealer")
	}
}

func TestInspect(t *testing.T) {
	header := string(blank([runSize]byte{}, nil))
	for _, c := range []struct{ name, env, want string }{
		{"empty", "", dropTruncated},
		{"a byte short", header[1:], dropTruncated},
		{"no body", header, ""},
		{"version 0", "\x00" + header[1:], dropVersion},
		{"version 2", "\x02" + header[1:], dropVersion},
		{"largest", header + strings.Repeat("x", MaxPayload), ""},
		{"too large", header + strings.Repeat("x", MaxPayload+1), dropSize},
	} {
		if got := inspect(c.env); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestChannel(t *testing.T) {
	doc := uuid.MustParse("0190a6f2-7c3e-7abc-9def-0123456789ab")
	if got, want := documentChannel(doc), "document:0190a6f2-7c3e-7abc-9def-0123456789ab"; got != want {
		t.Errorf("documentChannel: %s, want %s", got, want)
	}
	if got, ok := parseChannel("document:" + doc.String()); !ok || got != (topic{toDocument, doc}) {
		t.Errorf("parseChannel: %x, %v", got, ok)
	}
	for want, to := range map[string]topic{
		"notification:0190a6f2-7c3e-7abc-9def-0123456789ab": {toUser, doc}, "bizsync:control": {kind: toNodes},
	} {
		if got := to.channel(); got != want {
			t.Errorf("channel of %v: %s, want %s", to, got, want)
		}
		if got, ok := parseChannel(want); !ok || got != to {
			t.Errorf("parseChannel(%s): %v, %v", want, got, ok)
		}
	}
	for _, bad := range []string{
		"", "document:", "document:*", "notification:", "notifications:0190a6f2-7c3e-7abc-9def-0123456789ab", "bizsync:control:", "bizsync:contro", "document:0190A6F2-7c3e-7abc-9def-0123456789ab",
		"document:0190a6f2-7c3e-7abc-9def-0123456789a", "document:0190a6f2-7c3e-7abc-9def-0123456789abc", "document:0190a6f27c3e-7abc-9def-0123456789ab-",
		"document:0190a6f2-7c3e-7abc-9def-0123456789ag", "document:0190a6f2-7c3e-7abc-9def-012345678-ab",
	} {
		if doc, ok := parseChannel(bad); ok {
			t.Errorf("parseChannel(%q) = %v", bad, doc)
		}
	}
}

// FuzzMessage gives a relay whatever a channel may carry. Only what was sealed for this very channel with the secret reaches the handler.
func FuzzMessage(f *testing.F) {
	other := [runSize]byte{9}
	channel := documentChannel(document(1))
	f.Add(channel, sealed(f, testSecret, other, channel, []byte("body")))
	f.Add(channel, sealed(f, "another secret", other, channel, []byte("body")))
	f.Add(channel, sealed(f, testSecret, [runSize]byte{}, channel, nil))
	notice := topic{toUser, document(1)}.channel()
	f.Add(notice, sealed(f, testSecret, other, notice, []byte("body")))
	f.Add(notice, sealed(f, testSecret, other, channel, []byte("body")))
	f.Add(controlChannel, sealed(f, testSecret, other, controlChannel, []byte("body")))
	f.Add("document:x", []byte{})
	f.Add("", []byte{envelopeVersion})
	f.Fuzz(func(t *testing.T, channel string, env []byte) {
		r := &Redis{run: [runSize]byte{7}, key: testKey(t, testSecret), metrics: NewMetrics(nil), heartbeat: heartbeatPrefix}
		told := 0
		tell := func(about topic, payload []byte) {
			told++
			if about.channel() != channel {
				t.Errorf("channel %q became %v", channel, about)
			}
			if again := sealed(t, testSecret, [runSize]byte(env[1:]), channel, payload); !bytes.Equal(again, env) {
				t.Errorf("told %x, which is no genuine envelope", env)
			}
		}
		r.handler = Handler{
			Message: func(doc Document, payload []byte) { tell(topic{toDocument, doc}, payload) },
			Notice:  func(user [16]byte, payload []byte) { tell(topic{toUser, user}, payload) },
			Control: func(payload []byte) { tell(topic{kind: toNodes}, payload) },
		}
		s := newSealer(r.key)
		r.message(s, channel, string(env))
		counted := value(t, r.metrics.received) + value(t, r.metrics.own)
		for _, reason := range []string{dropChannel, dropTruncated, dropSize, dropVersion, dropMAC} {
			counted += value(t, r.metrics.dropped.WithLabelValues(reason))
		}
		if counted != 1 || told != int(value(t, r.metrics.received)) {
			t.Errorf("counted %v times, told %d times", counted, told)
		}
		r.heardBeat(s, string(env), 0)
	})
}
