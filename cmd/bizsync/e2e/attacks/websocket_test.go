package attacks

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// frameLimit is the largest message that the server reads, in bytes.
const frameLimit = 16 << 20

// websocketAttacks break the rules of RFC 6455, or keep them and mean harm.
func websocketAttacks() []attack {
	whole := func(client uint64) []byte { return update(typed(client, 0, "in pieces ")) }
	// Every byte of a message a frame of its own, with something between them.
	pieces := func(m []byte, between []byte) (b []byte) {
		b = append(b, frame(opBinary, m[:1])...)
		for _, c := range m[1 : len(m)-1] {
			b = append(append(b, between...), frame(opContinue, []byte{c})...)
		}
		return append(b, frame(final|opContinue, m[len(m)-1:])...)
	}
	return []attack{
		{name: "a text frame", tries: "Has text taken for a message.", sends: once(wire(frame(final|opText, emptyUpdate()))), want: malformed},
		{name: "a text frame that is not UTF-8", tries: "Has bytes taken for text.", sends: once(wire(frame(final|opText, []byte{0xff, 0xfe}))), want: malformed},
		{name: "unmasked frames", tries: "Speaks as a server does (5.1), so that the mask is not looked for, or read from what is none.",
			sends: once(wire([]byte{final | opBinary, 1, 3}), wire([]byte{final | opBinary, 1, 0, 0, 0, 0, 3}), wire([]byte{final | opPing, 0}), wire([]byte{final | opPing, 0, 0, 0, 0, 0})), want: malformed},
		{name: "a length of more than 63 bits", tries: "Overflows a length.", sends: once(wire(frameHead(final|opBinary, 1<<63)), wire(frameHead(final|opBinary, 1<<64-1))), want: malformed},
		{name: "reserved bits", tries: "Uses extensions that nobody agreed on (5.2).", sends: func(*scene) (ways []way) {
			for _, bit := range []byte{reserved1, reserved2, reserved3, reserved1 | reserved2 | reserved3} {
				ways = append(ways, wire(frame(final|bit|opBinary, queryAwareness())), wire(frame(final|bit|opPing, nil)))
			}
			return ways
		}, want: malformed},
		{name: "unknown opcodes", tries: "Sends frames of kinds that there are not.", sends: func(*scene) (ways []way) {
			for _, op := range []byte{3, 7, 11, 15} {
				ways = append(ways, wire(frame(final|op, queryAwareness())))
			}
			return ways
		}, want: malformed},
		{name: "a request after the upgrade", tries: "Has the server read HTTP where frames should be.",
			sends: once(wire([]byte("GET /api/v1/users HTTP/1.1\r\nHost: localhost\r\n\r\n"))), want: malformed},
		{name: "control frames in fragments", tries: "Leaves pings and closes unfinished (5.5).",
			sends: once(wire(frame(opPing, []byte("half"))), wire(frame(opClose, []byte{3, 232})), wire(frame(opPong, nil))), want: malformed},
		{name: "control frames of 126 bytes and of 16 MiB", tries: "Has much read where little may be.",
			sends: once(wire(frame(final|opPing, make([]byte, 126))), wire(frameHead(final|opPing, frameLimit)), wire(frameHead(final|opClose, frameLimit))), want: malformed},
		{name: "a close without meaning", tries: "Closes with codes that may not be sent, and with half a code (7.4).",
			sends: once(wire(frame(final|opClose, []byte{3, 237})), wire(frame(final|opClose, []byte{0, 1})), wire(frame(final|opClose, []byte{3}))), want: malformed},
		{name: "a continuation of nothing", tries: "Continues a message that was not begun.", sends: once(wire(frame(final|opContinue, queryAwareness())), wire(frame(opContinue, nil))), want: malformed},
		{name: "a message within a message", tries: "Begins a message before the last one has ended.", sends: once(wire(frame(opBinary, []byte{3}), frame(final|opBinary, queryAwareness()))), want: malformed},

		{name: "a claim of nine exabytes", tries: "Has memory taken for what is only claimed.",
			sends: once(wire(append(frameHead(final|opBinary, 1<<63-1), make([]byte, 1000)...)), wire(frameHead(opBinary, frameLimit+1))), want: verdict{closed: 4413}},
		{name: "a hundred claims of 16 MiB", tries: "Has memory taken for what is only claimed, by many.", does: hundredClaims, want: ignored},
		{name: "more than may be read", tries: "Sends a message of one byte too much, in one frame or in many.", sends: once(
			wire(frame(final|opBinary, make([]byte, frameLimit+1))),
			wire(append(frameHead(final|opBinary, 1<<62), make([]byte, frameLimit+1)...)),
			wire(slices.Concat(frame(opBinary, nil), bytes.Repeat(frame(opContinue, make([]byte, 1<<16)), frameLimit>>16), frame(opContinue, []byte{0}))),
		), want: verdict{closed: 4413}},
		{name: "as much as may be read", tries: "Sends nothing but zeros, up to the last byte that is read.", sends: once(over(make([]byte, frameLimit))), want: malformed},
		{name: "a message byte by byte", tries: "Sends 64 KiB in frames of one byte.", sends: func(s *scene) []way {
			return []way{{frames: [][]byte{pieces(update(typed(s.id(), 0, strings.Repeat("y", 1<<16))), nil)}, updates: 1}}
		}, want: acked},
		{name: "pings between the pieces", tries: "Has pings answered within a message.", sends: func(s *scene) []way {
			return []way{{frames: [][]byte{pieces(whole(s.id()), frame(final|opPing, []byte("are you there")))}, updates: 1}}
		}, want: acked},
		{name: "a million empty fragments", tries: "Keeps the reader busy with a message that doesn't grow.", sends: func(s *scene) []way {
			return []way{{frames: [][]byte{frame(opBinary, nil), bytes.Repeat(frame(opContinue, nil), 1_000_000), frame(final|opContinue, whole(s.id()))}, updates: 1}}
		}, want: acked},
		{name: "a flood of pings", tries: "Has 100,000 pings answered.", sends: once(wire(bytes.Repeat(frame(final|opPing, []byte("ping")), 100_000))), want: ignored},
		{name: "a flood of pongs", tries: "Answers 300,000 pings that were not sent.", sends: once(wire(bytes.Repeat(frame(final|opPong, nil), 300_000))), want: ignored},
		{name: "a flood of empty messages", tries: "Sends many messages that are none.", sends: once(wire(bytes.Repeat(frame(final|opBinary, nil), 10_000))), want: malformed},
		{name: "compression that was not agreed on", tries: "Offers to compress, and sends what would be a gigabyte.", does: compressed, want: malformed},
		{name: "upgrades that are none", tries: "Asks for a socket as nobody should.", does: badUpgrades},
		{name: "an endless header", tries: "Sends headers of a megabyte.", does: func(s *scene) (outcome, error) {
			k, status, err := s.upgrade(s.visitor(editor, false).request(s.Addr) + "X-Long: " + strings.Repeat("x", 1<<20) + "\r\n\r\n")
			if k != nil {
				k.hangUp()
			}
			return outcome{status: status}, err
		}, want: verdict{status: http.StatusRequestHeaderFieldsTooLarge}},
	}
}

// hundredClaims opens several connections at once that claim much, and then hang up.
func hundredClaims(s *scene) (o outcome, err error) {
	for range 10 {
		var sockets []*socket
		for range 10 {
			k, err := s.dial(s.visitor(editor, false))
			if err != nil {
				return o, err
			}
			defer k.hangUp()
			sockets = append(sockets, k)
			k.write(append(frameHead(final|opBinary, frameLimit), make([]byte, 100)...))
		}
		if err := s.unharmed(); err != nil {
			return o, err
		}
		for _, k := range sockets {
			if err := k.silent(); err != nil {
				return o, err
			}
			k.hangUp()
		}
	}
	return outcome{answered: true}, nil
}

// compressed offers permessage-deflate, which must not be taken up, and sends a compressed frame all the same.
func compressed(s *scene) (o outcome, err error) {
	k, status, err := s.upgrade(s.visitor(editor, false).request(s.Addr) + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n")
	if err != nil || status != http.StatusSwitchingProtocols {
		return outcome{status: status}, err
	}
	defer k.hangUp()
	// A stored block would do; what matters is that nobody inflates it.
	k.write(frame(final|reserved1|opBinary, bytes.Repeat([]byte{0xec, 0xc0, 0x01, 0x01}, 1000)))
	for {
		switch _, code, err := k.read(); {
		case err != nil:
			return o, err
		case code != 0:
			return outcome{code: code}, nil
		}
	}
}

// badUpgrades asks for sockets in wrong ways, each of which must be answered with an error of HTTP's.
func badUpgrades(s *scene) (o outcome, err error) {
	good := s.visitor(editor, false).request(s.Addr)
	for _, change := range [][2]string{
		{"GET ", "POST "}, {"Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12"}, {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Key: short"},
		{"Connection: Upgrade\r\n", ""}, {"Upgrade: websocket\r\n", ""}, {"Host: " + s.Addr, "Host: a b"}, {"HTTP/1.1", "HTTP/9.9"},
	} {
		k, status, err := s.upgrade(strings.Replace(good, change[0], change[1], 1) + "\r\n")
		if k != nil {
			k.hangUp()
		}
		if err != nil || status < 400 || status >= 500 && status != http.StatusHTTPVersionNotSupported {
			return o, fmt.Errorf("%q instead of %q was answered with %d (%w)", change[1], change[0], status, err)
		}
	}
	return outcome{answered: true}, nil
}
