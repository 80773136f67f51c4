package attacks

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// The messages of Hocuspocus beside those of y-protocols (@hocuspocus/provider: MessageType).
const (
	hocusAuth      = 2
	hocusReply     = 4
	hocusStateless = 5
	hocusBroadcast = 6
	hocusClose     = 7
	hocusStatus    = 8
	hocusPing      = 9
	hocusPong      = 10

	// statusRefused stands for the code that a status doesn't have.
	statusRefused = 1
)

// keyed is a message for a document.
func keyed(key string, body ...byte) []byte { return append(text(key), body...) }

// authAs asks for a document with a token.
func authAs(key, token string) []byte {
	return keyed(key, append([]byte{hocusAuth, 0}, text(token)...)...)
}

// many is a Hocuspocus connection that sends messages, none of which gets a status.
func many(messages ...[]byte) way {
	w := way{many: true}
	for _, m := range messages {
		w.frames = append(w.frames, frame(final|opBinary, m))
	}
	return w
}

// admitted is a connection that has opened the document, and sends messages for it.
func (s *scene) admitted(by sender, bodies ...[]byte) way {
	messages := [][]byte{authAs(s.doc, s.tokens[by])}
	for _, b := range bodies {
		messages = append(messages, keyed(s.doc, b...))
	}
	return many(messages...)
}

// answers is a connection whose step 2 gets a status; types one whose updates each get one, too.
func (s *scene) answers(by sender, body []byte) way {
	w := s.admitted(by, step1([]byte{0}), step2(body))
	w.updates = 1
	return w
}

func (s *scene) types(by sender, updates ...[]byte) way {
	bodies := [][]byte{step1([]byte{0}), step2(emptyUpdate())}
	for _, u := range updates {
		bodies = append(bodies, update(u))
	}
	w := s.admitted(by, bodies...)
	w.updates = 1 + uint64(len(updates))
	return w
}

// hocuspocusAttacks are about the connections of many documents: keys, tokens, and who may do what under which.
func hocuspocusAttacks() []attack {
	tryAgain, denied, lost := verdict{closed: 1013}, verdict{denied: true}, verdict{refused: statusRefused}
	// Each body is sent for a document that is open.
	opened := func(bodies ...[]byte) func(*scene) []way {
		return func(s *scene) (ways []way) {
			for _, b := range bodies {
				ways = append(ways, s.admitted(editor, b))
			}
			return ways
		}
	}
	notThere := func(part string) func(*scene) error { return func(s *scene) error { return s.lacks(part) } }
	return []attack{
		{name: "keys that are too long", tries: "Has a document's name of 1,025 bytes to a megabyte kept.", sends: func(s *scene) (ways []way) {
			for _, n := range []int{1025, 1 << 16, 1 << 20, 15 << 20} {
				ways = append(ways, many(authAs(s.doc, s.tokens[editor]), authAs(strings.Repeat("k", n), "token")))
			}
			return ways
		}, want: malformed},
		{name: "keys that are not there", tries: "Claims keys of more bytes than there are.", sends: func(*scene) (ways []way) {
			for _, n := range []uint64{1, 127, 1 << 20, 1 << 31, lib0.MaxSafeInteger, 1 << 53, math.MaxUint64} {
				ways = append(ways, many(numbers(n)[:1:1]), many(append(numbers(n), hocusAuth)))
			}
			return slices.Delete(ways, 0, 1)
		}, want: malformed},
		{name: "keys that are not UTF-8", tries: "Has bytes taken for a name.", sends: func(*scene) []way {
			return []way{many(authAs("\xff\xfe", "token")), many(authAs("\xed\xa0\x80", "token")), many(keyed("\xc0\x80", queryAwareness()...))}
		}, want: malformed},
		{name: "keys with zeros", tries: "Names nothing, or a document and something behind a zero that is not a session.", sends: func(s *scene) []way {
			good := s.tokens[editor]
			return []way{many(authAs("\x00", good)), many(authAs("\x00"+s.doc, good)), many(authAs("", good)), many(authAs("..", good)), many(authAs("../"+s.doc, good)), many(authAs(s.doc+"/", good)),
				many(authAs(s.doc+"?token="+good, ""))}
		}, want: denied},
		{name: "a session of zeros", tries: "Writes under a key of which all but the name is zeros.", sends: func(s *scene) []way {
			key := s.doc + strings.Repeat("\x00", 900)
			w := many(authAs(key, s.tokens[editor]), keyed(key, step1([]byte{0})...), keyed(key, step2(typed(s.id(), 0, "zeros "))...))
			w.updates = 1
			return []way{w}
		}, want: acked},
		{name: "10,000 keys", tries: "Sends edits for as many documents, which nobody opened.", sends: func(s *scene) []way {
			messages := [][]byte{authAs(s.doc, s.tokens[editor])}
			for i := range 10_000 {
				messages = append(messages, keyed(fmt.Sprint("document ", i), update(typed(s.id(), 0, "unasked"))...))
			}
			return []way{many(messages...)}
		}, want: ignored},
		{name: "1,001 documents", tries: "Asks for more than one socket may open, none of which are there or need be remembered.", sends: func(s *scene) []way {
			messages := [][]byte{authAs(s.doc, s.tokens[editor])}
			for i := range 1001 {
				messages = append(messages, authAs(fmt.Sprint("document ", i), "no token"))
			}
			return []way{many(messages...)}
		}, want: denied},
		{name: "101 documents before one is open", tries: "Asks for more than a stranger may ask for.", sends: func(*scene) []way {
			var asks, questions [][]byte
			for i := range 101 {
				asks = append(asks, authAs(fmt.Sprint("document ", i), "no token"))
				questions = append(questions, keyed(fmt.Sprint("document ", i), step1([]byte{0})...))
			}
			return []way{many(asks...), many(questions...)}
		}, want: verdict{closed: 1013, denied: true}},
		{name: "64 KiB before a document is open", tries: "Has much read that comes from a stranger, bit by bit.", sends: func(*scene) []way {
			return []way{many(slices.Repeat([][]byte{keyed("x", awareness(presence(77, 1, `{}`))...)}, 10_000)...)}
		}, want: tryAgain},
		{name: "a large message before a document is open", tries: "Has it read at once, to 64 KiB and to 15 MiB.", sends: func(s *scene) []way {
			return []way{many(authAs(s.doc, strings.Repeat("t", 1<<16))), many(keyed(s.doc, bigUpdate(77, 1<<16)...)), many(keyed(s.doc, bigUpdate(77, 15<<20)...)), many(authAs(s.doc, strings.Repeat("t", 15<<20)))}
		}, want: verdict{closed: 4413}},
		{name: "edits before a document is open", tries: "Writes, asks and shows itself before it has said who it is.", sends: func(s *scene) []way {
			return []way{
				many(keyed(s.doc, update(typed(s.id(), 0, "too early"))...)), many(keyed(s.doc, awareness(presence(s.id(), 1, `{}`))...), keyed(s.doc, queryAwareness()...)),
				many(keyed(s.doc, step2(deleted(s.client, 0, s.clock))...)), many(keyed(s.doc, append([]byte{hocusStateless}, text("hello")...)...), keyed(s.doc, hocusClose)),
			}
		}, want: ignored, also: notThere("too early")},
		{name: "edits before a document is opened after all", tries: "Has edits kept that came before it said who it is.", sends: func(s *scene) []way {
			early := keyed(s.doc, update(typed(s.id(), 0, "too early"))...)
			return []way{{frames: append([][]byte{frame(final|opBinary, early)}, s.answers(editor, emptyUpdate()).frames...), many: true, updates: 1}}
		}, want: acked, also: notThere("too early")},
		{name: "a question without a token", tries: "Is let in because it asks as an old client does.", sends: func(s *scene) []way {
			return []way{many(keyed(s.doc, step1([]byte{0})...)), many(keyed(s.doc, step1([]byte{0})...), keyed(s.doc, update(typed(s.id(), 0, "too early"))...))}
		}, want: denied, also: notThere("too early")},

		{name: "tokens that are none", tries: "Opens a document with no token, half a token, a forged one and somebody's name.", sends: func(s *scene) (ways []way) {
			good := s.tokens[editor]
			unsigned := strings.Join(append([]string{"eyJhbGciOiJub25lIn0"}, strings.Split(good, ".")[1:2]...), ".") + "."
			for _, token := range []string{"", "null", good[:len(good)-6] + "AAAAAA", good + "A", good[:len(good)/2], unsigned, s.victim.ID, "bsk_none", strings.Repeat(".", 1000)} {
				ways = append(ways, many(authAs(s.doc, token), keyed(s.doc, update(typed(s.id(), 0, "forged"))...)))
			}
			return ways
		}, want: denied, also: notThere("forged")},
		{name: "a token that is not UTF-8", tries: "Has bytes taken for a token.", sends: func(s *scene) []way { return []way{many(authAs(s.doc, "\xff\xfe\x00"))} }, want: malformed},
		{name: "a token for another document", tries: "Opens a document with a token that is not for it, and writes there under its own.", sends: func(s *scene) []way {
			scrawl := keyed(s.doc, update(typed(s.id(), 0, "scrawl"))...)
			return []way{many(authAs(s.doc, s.tokens[stranger]), scrawl), many(authAs(s.own, s.tokens[stranger]), authAs(s.doc, s.tokens[stranger]), scrawl),
				many(authAs(s.own, s.tokens[stranger]), authAs(s.doc+"\x00"+s.own, s.tokens[stranger]), keyed(s.doc+"\x00"+s.own, update(typed(s.id(), 0, "scrawl"))...))}
		}, want: denied, also: notThere("scrawl")},
		{name: "a document beside one's own", tries: "Opens its own document, and writes in another one on the same socket.", sends: func(s *scene) []way {
			return []way{many(authAs(s.own, s.tokens[stranger]), keyed(s.doc, update(typed(s.id(), 0, "scrawl"))...), keyed(s.doc, step2(deleted(s.client, 0, s.clock))...),
				keyed(s.doc, awareness(presence(s.client, 1<<40, `null`))...))}
		}, want: ignored, also: notThere("scrawl")},
		{name: "two rights on one socket", tries: "Opens a document twice, to write by one right and read by the other, and mixes them up.", sends: func(s *scene) []way {
			reading := s.doc + "\x00reading"
			w := many(authAs(s.doc, s.tokens[editor]), authAs(reading, s.tokens[viewer]), keyed(reading, step1([]byte{0})...), keyed(reading, step2(typed(s.id(), 0, "scrawl"))...))
			w.updates = 1
			return []way{w}
		}, want: lost, also: notThere("scrawl")},
		{name: "a right that became less", tries: "Writes on by the right that it had before it asked again, as itself and as somebody else.", sends: func(s *scene) (ways []way) {
			for _, then := range []sender{lesser, viewer} {
				w := s.admitted(editor, append([]byte{hocusAuth, 0}, text(s.tokens[then])...), step1([]byte{0}), step2(typed(s.id(), 0, "scrawl")))
				w.updates = 1
				ways = append(ways, w)
			}
			return ways
		}, want: lost, also: notThere("scrawl")},
		{name: "a viewer on a Hocuspocus socket", tries: "Writes and deletes everything with no right to.", sends: func(s *scene) []way {
			return []way{s.answers(viewer, typed(s.id(), 0, "scrawl")), s.answers(viewer, deleted(s.client, 0, s.clock)), s.types(viewer, typed(s.id(), 0, "scrawl")), s.types(viewer, deleted(s.client, 0, s.clock))}
		}, want: lost, also: notThere("scrawl")},
		{name: "another's client id on a Hocuspocus socket", tries: "Writes what the victim will write next.", sends: func(s *scene) []way {
			return []way{s.admitted(editor, update(typed(s.client, s.clock, "forged"))), s.admitted(editor, update(one(s.witness, gc(1<<31-1))))}
		}, want: denied, also: notThere("forged")},
		{name: "another's client id in a step 2 on a Hocuspocus socket", tries: "Does the same where only a part is refused.", sends: func(s *scene) []way {
			return []way{s.answers(editor, typed(s.client, s.clock, "forged")), s.answers(editor, one(s.witness, gc(7)))}
		}, want: lost, also: notThere("forged")},
		{name: "the presence of others on a Hocuspocus socket", tries: "Moves the victim's caret, and has it vanish.", sends: func(s *scene) []way {
			return []way{s.admitted(editor, awareness(presence(s.client, 1<<40, `{"cursor":-1}`))), s.admitted(viewer, awareness(presence(s.client, 1<<40, `null`)))}
		}, want: ignored},

		{name: "messages between servers", tries: "Speaks as another server would: a reply, a broadcast, a status.", sends: opened([]byte{hocusReply, 1, 2, 0, 0}, []byte{hocusReply}, append([]byte{hocusBroadcast}, text("hear me")...),
			[]byte{hocusStatus, 1}, []byte{hocusStatus, 0}, []byte{hocusStatus}), want: malformed},
		{name: "messages between servers, from a stranger", tries: "Does the same before it has said who it is.", sends: func(s *scene) []way {
			return []way{many(keyed(s.doc, hocusReply, 1, 2, 0, 0)), many(keyed(s.doc, append([]byte{hocusBroadcast}, text("hear me")...)...)), many(keyed(s.doc, hocusStatus, 1))}
		}, want: malformed},
		{name: "auth messages of a server", tries: "Tells the server that it is authenticated, or is not.", sends: opened([]byte{hocusAuth, 1, 2, 'n', 'o'}, append([]byte{hocusAuth, 2}, text("read-write")...), []byte{hocusAuth, 3}, []byte{hocusAuth},
			[]byte{hocusAuth, 0}, append([]byte{hocusAuth, 0}, numbers(billion)...)), want: malformed},
		{name: "unknown types of Hocuspocus", tries: "Sends messages of types that there are not.", sends: opened([]byte{11}, []byte{99}, []byte{120, 1}, numbers(1<<53), bytes.Repeat([]byte{0xff}, 100), nil), want: malformed},
		{name: "single bytes", tries: "Sends messages of one byte that are neither ping nor pong.", sends: func(*scene) []way {
			return []way{many([]byte{1}), many([]byte{8}), many([]byte{11}), many([]byte{255}), many(nil)}
		}, want: malformed},
		{name: "y-websocket's messages", tries: "Speaks the other protocol.", sends: func(s *scene) []way {
			return []way{many(update(typed(s.id(), 0, "no key"))), many(step1([]byte{0})), over(authAs(s.doc, s.tokens[editor]))}
		}, want: malformed},
		{name: "an open document's malformed edits", tries: "Sends updates that are none under a key that is good.", sends: opened(update(numbers(billion)), update([]byte{0, 0, 0}), step2(nil), step1(numbers(1<<20)), awareness(numbers(billion)),
			append(update(emptyUpdate()), 0), update(one(77, gc(1<<31))), []byte{0, 3, 0}, append([]byte{hocusStateless}, numbers(billion)...), []byte{hocusStateless, 1, 0xff}), want: malformed},
		{name: "cut short at every byte under a key", tries: "Ends a message within its key, its type and its update.", sends: func(s *scene) (ways []way) {
			whole := keyed("k", update(typed(77, 0, "x"))...)
			for n := range len(whole) - 1 {
				ways = append(ways, many(whole[:n+1]))
			}
			return ways
		}, want: malformed},
		{name: "text on a Hocuspocus socket", tries: "Has text taken for a message.", sends: func(s *scene) []way {
			return []way{{frames: [][]byte{frame(final|opText, authAs(s.doc, s.tokens[editor]))}, many: true}}
		}, want: malformed},

		{name: "a flood of forged tokens", tries: "Tries 1,050 tokens on one socket.", sends: func(s *scene) []way {
			return []way{s.admitted(editor, slices.Repeat([][]byte{append([]byte{hocusAuth, 0}, text("forged")...)}, 1050)...)}
		}, want: denied},
		{name: "a flood of closes", tries: "Gives a document back 10,000 times, and others that it never had.", sends: func(s *scene) []way {
			messages := [][]byte{authAs(s.doc, s.tokens[editor])}
			for i := range 10_000 {
				messages = append(messages, keyed(s.doc, hocusClose), keyed(fmt.Sprint(i), hocusClose))
			}
			return []way{many(append(messages, keyed(s.doc, update(typed(s.id(), 0, "too late"))...))...)}
		}, want: ignored, also: notThere("too late")},
		{name: "opening and closing", tries: "Opens a document and gives it back 100 times.", sends: func(s *scene) []way {
			var messages [][]byte
			for range 100 {
				messages = append(messages, authAs(s.doc, s.tokens[editor]), keyed(s.doc, awareness(presence(s.id(), 1, `{}`))...), keyed(s.doc, hocusClose))
			}
			return []way{many(messages...)}
		}, want: ignored, also: nobodyElse},
		{name: "the same document too often", tries: "Opens more sessions of a document than it may have sockets.", sends: func(s *scene) []way {
			var messages [][]byte
			for i := range 21 {
				messages = append(messages, authAs(fmt.Sprintf("%s\x00%d", s.doc, i), s.tokens[editor]))
			}
			return []way{many(messages...)}
		}, want: tryAgain},
		{name: "a flood of stateless messages", tries: "Has 8 MiB passed on that nobody asked for, and 10,000 messages.", sends: func(s *scene) []way {
			return []way{s.admitted(editor, slices.Repeat([][]byte{append([]byte{hocusStateless}, text(strings.Repeat("s", 1<<20))...)}, 8)...), s.admitted(viewer, slices.Repeat([][]byte{append([]byte{hocusStateless}, text("s")...)}, 10_000)...)}
		}, want: ignored},
		{name: "a flood of Hocuspocus pings", tries: "Has 50,000 pings answered.", sends: func(s *scene) []way {
			return []way{{frames: [][]byte{frame(final|opBinary, authAs(s.doc, s.tokens[editor])), bytes.Repeat(frame(final|opBinary, []byte{hocusPing}), 50_000)}, many: true}}
		}, want: ignored},
		{name: "a flood of Hocuspocus questions", tries: "Asks for everything, 25 times in each of 10 sessions.", sends: func(s *scene) []way {
			var messages [][]byte
			for i := range 10 {
				key := fmt.Sprintf("%s\x00%d", s.doc, i)
				messages = append(messages, authAs(key, s.tokens[editor]))
				messages = append(messages, slices.Repeat([][]byte{keyed(key, step1([]byte{0})...)}, 21)...)
			}
			return []way{many(messages...)}
		}, want: ignored},
		{name: "a flood of good tokens", tries: "Asks again 1,050 times for a document that is open, each time to be judged anew.", sends: func(s *scene) []way {
			return []way{s.admitted(editor, slices.Repeat([][]byte{append([]byte{hocusAuth, 0}, text(s.tokens[editor])...)}, 1050)...)}
		}, want: ignored},
	}
}
