package api

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

// A frame up to the limit is read, whatever its parts; one byte more is too large, and said so with a code that makes clients stay away.
func TestFrameBytesFromOutside(t *testing.T) {
	const limit = 100_000
	h := newHarness(t, func(o *Options) { o.FrameBytes = limit })
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	for _, tt := range []struct {
		size, want int
	}{{limit - 1, 0}, {limit, 0}, {limit + 1, collab.CloseTooLarge}, {5 * limit, collab.CloseTooLarge}} {
		ws, _ := h.dial(dialing{name: d.ID.String(), header: ann.page()})
		if code, _ := fate(t, ws); code != 0 {
			t.Fatal(code)
		}
		// An awareness message with one state of as many blanks as it takes: nothing that anybody would keep.
		const around = 1 + 3 + 1 + 1 + 1 + 3
		blanks := tt.size - around
		inner := binary.AppendUvarint([]byte{1, 9, 1}, uint64(blanks))
		frame := binary.AppendUvarint([]byte{1}, uint64(len(inner)+blanks))
		frame = append(append(frame, inner...), strings.Repeat(" ", blanks)...)
		if len(frame) != tt.size {
			t.Fatalf("the frame has %d bytes, want %d", len(frame), tt.size)
		}
		if err := ws.Write(t.Context(), websocket.MessageBinary, frame); err != nil && tt.want == 0 {
			t.Fatal(err)
		}
		// Step 1 is answered when what was before it has been taken.
		_ = ws.Write(t.Context(), websocket.MessageBinary, []byte{0, 0, 1, 0})
		if code := answered(t, ws); code != tt.want {
			t.Errorf("%d bytes: code %d, want %d", tt.size, code, tt.want)
		}
	}
}

// answered reads until a step 2 (0) or the end (its code).
func answered(t *testing.T, ws *websocket.Conn) int {
	t.Helper()
	for {
		_, b, err := ws.Read(t.Context())
		if code := websocket.CloseStatus(err); code >= 0 {
			return int(code)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 1 && b[0] == 0 && b[1] == 1 {
			return 0
		}
	}
}

// attempt opens a socket for somebody, through a proxy that says where they are ("" for none), and gives what became of it.
func (h *harness) attempt(p *person, d Document, forwarded string) int {
	h.t.Helper()
	header := p.page()
	if forwarded != "" {
		header.Set("X-Forwarded-For", forwarded)
	}
	ws, _ := h.dial(dialing{name: d.ID.String(), header: header})
	code, _ := fate(h.t, ws)
	_ = ws.CloseNow()
	return code
}

// attempts says how many of n attempts in a row were let in, and fails unless all after those are told to come back later.
func attempts(t *testing.T, n int, attempt func(i int) int) (in int) {
	t.Helper()
	for i := range n {
		switch code := attempt(i); {
		case code == 0 && in == i:
			in++
		case code != collab.CloseTryAgain:
			t.Fatalf("attempt %d, after %d that were let in: code %d", i+1, in, code)
		}
	}
	return in
}

// An account's attempts count wherever they come from, an address's whoever makes them.
func TestAttemptsOfAccountsAndAddresses(t *testing.T) {
	const burst = 4
	slowly := AttemptLimits{AccountPerSecond: 1e-6, AccountBurst: burst, AddressPerSecond: 1e-6, AddressBurst: burst}
	proxy := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, tt := range []struct {
		name    string
		change  func(*AttemptLimits)
		trusted bool
		from    func(i int) string // X-Forwarded-For of each attempt
		people  int                // who take turns
		want    int                // let in of burst+3
	}{
		{"an account from one address", nil, false, nil, 1, burst},
		{"an account from many addresses", nil, true, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }, 1, burst},
		{"many accounts from one address", nil, false, nil, 7, burst},
		{"many accounts from one address behind a proxy", nil, true, func(int) string { return "192.0.2.1" }, 7, burst},
		{"many accounts from many addresses", nil, true, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }, 7, burst + 3},
		{"the same, all invented", nil, false, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }, 7, burst},
		{"the same, in front of the true one", nil, true, func(i int) string { return fmt.Sprintf("192.0.2.%d, 198.51.100.1", i) }, 7, burst},
		{"one network of version 6", nil, true, func(i int) string { return fmt.Sprintf("2001:db8::%d:%d", i, i) }, 7, burst},
		{"many networks of version 6", nil, true, func(i int) string { return fmt.Sprintf("2001:db8:0:%d::1", i) }, 7, burst + 3},
		{"one address with many ports", nil, true, func(i int) string { return fmt.Sprintf("192.0.2.1:%d", 1000+i) }, 7, burst},
		{"an account within a larger limit", func(l *AttemptLimits) { l.AccountBurst = burst + 3 }, true, func(i int) string { return fmt.Sprintf("192.0.2.%d", i) }, 1, burst + 3},
		{"as often as it is filled up", func(l *AttemptLimits) { l.AccountPerSecond, l.AddressPerSecond = 1e6, 1e6 }, false, nil, 1, burst + 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t, func(o *Options) {
				o.Attempts = slowly
				if tt.change != nil {
					tt.change(&o.Attempts)
				}
				if tt.trusted {
					o.TrustedProxies = proxy
				}
			})
			people := []*person{h.person("p0", store.RoleMember)}
			members := map[*person]string{}
			for i := 1; i < tt.people; i++ {
				people = append(people, h.person(fmt.Sprintf("p%d", i), store.RoleMember))
				members[people[i]] = "viewer"
			}
			d := people[0].document("Plans", members)
			in := attempts(t, burst+3, func(i int) int {
				from := ""
				if tt.from != nil {
					from = tt.from(i)
				}
				return h.attempt(people[i%len(people)], d, from)
			})
			if in != tt.want {
				t.Errorf("%d of %d were let in, want %d", in, burst+3, tt.want)
			}
		})
	}
}

// Guessing tokens counts, too, before anything is looked up for it; but not against the account that somebody pretends to be.
func TestAttemptsWithBadCredentials(t *testing.T) {
	h := newHarness(t, func(o *Options) {
		o.Attempts = AttemptLimits{AccountPerSecond: 1e-6, AccountBurst: 2, AddressPerSecond: 1e-6, AddressBurst: 5}
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	var codes []int
	for range 7 {
		ws, _ := h.dial(dialing{name: d.ID.String(), query: "?token=" + ann.token(d, nil) + "x", header: http.Header{"X-Forwarded-For": {"192.0.2.1"}}})
		code, _ := fate(t, ws)
		codes = append(codes, code)
	}
	const bad, later = collab.CloseUnauthorized, collab.CloseTryAgain
	if got, want := fmt.Sprint(codes), fmt.Sprint([]int{bad, bad, bad, bad, bad, later, later}); got != want {
		t.Errorf("codes %v, want %v", got, want)
	}
	if code := h.attempt(ann, d, "192.0.2.2"); code != 0 {
		t.Errorf("the account itself, from elsewhere: code %d", code)
	}
}

// What is not asked for is not spoken: a compressed message could become a thousand times its size. A client that offers compression gets a socket without it, and one
// that compresses all the same is hung up on.
func TestNoCompression(t *testing.T) {
	h := newHarness(t, nil)
	ann := h.person("ann", store.RoleMember)
	d := ann.document("Plans", nil)
	for _, offer := range []string{"permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover; client_no_context_takeover", "x-webkit-deflate-frame", "permessage-deflate, x-other"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest("GET", h.url+"/collab/"+d.ID.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = ann.page()
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Extensions": offer} {
			req.Header.Set(name, value)
		}
		if err := req.Write(c); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(c)
		res, err := http.ReadResponse(r, req)
		if err != nil || res.StatusCode != 101 {
			t.Fatalf("%s: %v, %v", offer, res, err)
		}
		res.Body.Close() // which an upgrade doesn't have
		if got := res.Header.Values("Sec-WebSocket-Extensions"); len(got) > 0 {
			t.Errorf("%s is answered with %q", offer, got)
		}
		// FIN, RSV1 ("compressed"), binary; masked with zeros; an empty deflate block.
		if _, err := c.Write([]byte{0x80 | 0x40 | 0x02, 0x80 | 1, 0, 0, 0, 0, 0x00}); err != nil {
			t.Fatal(err)
		}
		code, compressed := framesUntilClose(t, r)
		if code != 1002 && code != collab.CloseMalformed {
			t.Errorf("%s: a compressed frame is answered with %d", offer, code)
		}
		if compressed {
			t.Errorf("%s: the server compresses", offer)
		}
	}
}

// framesUntilClose reads frames of a server up to its close frame.
func framesUntilClose(t *testing.T, r *bufio.Reader) (code int, compressed bool) {
	t.Helper()
	for {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			t.Fatalf("no close frame: %v", err)
		}
		n := uint64(head[1])
		switch head[1] {
		case 126:
			var b [2]byte
			_, _ = io.ReadFull(r, b[:])
			n = uint64(binary.BigEndian.Uint16(b[:]))
		case 127:
			var b [8]byte
			_, _ = io.ReadFull(r, b[:])
			n = binary.BigEndian.Uint64(b[:])
		}
		payload, err := io.ReadAll(io.LimitReader(r, int64(n)))
		if err != nil {
			t.Fatal(err)
		}
		compressed = compressed || head[0]&0x70 != 0
		if head[0]&0x0f == 8 {
			if len(payload) < 2 {
				return 0, compressed
			}
			return int(binary.BigEndian.Uint16(payload)), compressed
		}
	}
}
