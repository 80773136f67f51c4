package faults

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/bizsync/bizsync/cmd/bizsync/e2e/rig"
	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// redisPassword must not show in a log.
const redisPassword = "the-password-of-redis"

// redis is a private Redis that keeps nothing, or a sentinel.
type redis struct {
	port     int
	password string
	args     []string // of its program
	log      rig.Transcript
	process  *process
}

func newRedis(dir string) (*redis, error) {
	port, err := lab.FreePort()
	return &redis{port: port, password: redisPassword, args: []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--save", "", "--appendonly", "no",
		"--requirepass", redisPassword}}, err
}

func (r *redis) addr() string { return "127.0.0.1:" + strconv.Itoa(r.port) }

func redisURL(addr string) string { return "redis://:" + redisPassword + "@" + addr }

// start returns when it answers; it is empty then.
func (r *redis) start() (err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("the fault suite needs redis-server: install the package redis-server")
	}
	if r.process, err = launch("Redis", exec.Command(program, r.args...), &r.log); err != nil {
		return err
	}
	return poll("Redis starts", rig.Patience, func() error {
		_, err := r.do("PING")
		return err
	})
}

func (r *redis) kill() error { return r.process.end(syscall.SIGKILL, rig.Patience) }

// do sends one command on a connection of its own.
func (r *redis) do(command ...string) (value, error) {
	c, err := r.dial()
	if err != nil {
		return value{}, err
	}
	defer c.Close()
	return c.do(command...)
}

// redisConn speaks the little of the protocol that the suite needs.
type redisConn struct {
	net.Conn
	in *bufio.Reader
}

func (r *redis) dial() (*redisConn, error) {
	conn, err := net.DialTimeout("tcp", r.addr(), 5*time.Second)
	if err != nil {
		return nil, err
	}
	c := &redisConn{conn, bufio.NewReader(conn)}
	if r.password == "" {
		return c, nil
	}
	if _, err := c.do("AUTH", r.password); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *redisConn) do(command ...string) (value, error) {
	words := make([][]byte, len(command))
	for i, w := range command {
		words[i] = []byte(w)
	}
	if _, err := c.Write(appendStrings(nil, words...)); err != nil {
		return value{}, err
	}
	v, err := readValue(c.in)
	if err == nil && v.raw[0] == '-' {
		err = fmt.Errorf("redis: %s: %s", command[0], v.raw)
	}
	return v, err
}

// message is what a subscription by pattern tells.
type message struct{ channel, payload []byte }

// listen gives all messages of the documents' channels until the connection is closed.
func (c *redisConn) listen(hear func(message)) error {
	if _, err := c.do("PSUBSCRIBE", "document:*"); err != nil {
		return err
	}
	for {
		v, err := readValue(c.in)
		if err != nil {
			return err
		}
		if m, ok := v.message(); ok {
			hear(m)
		}
	}
}

// value is a value of the Redis protocol (RESP 2 and 3): its bytes and, of an array, the strings that are its direct elements.
type value struct {
	raw     []byte
	strings [][]byte
}

// message gives what a pmessage carries.
func (v value) message() (message, bool) {
	if len(v.strings) != 4 || string(v.strings[0]) != "pmessage" {
		return message{}, false
	}
	return message{channel: v.strings[2], payload: v.strings[3]}, true
}

func readValue(r *bufio.Reader) (v value, err error) {
	err = v.read(r, 0)
	return v, err
}

func (v *value) read(r *bufio.Reader, depth int) error {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	v.raw = append(v.raw, line...)
	if len(line) < 3 {
		return fmt.Errorf("not a value of Redis: %q", line)
	}
	count, _ := strconv.Atoi(string(line[1 : len(line)-2])) // what is no number has none
	switch line[0] {
	case '$', '=', '!':
		if count < 0 {
			return nil
		}
		at := len(v.raw)
		v.raw = append(v.raw, make([]byte, count+2)...)
		for n := at; n < len(v.raw); {
			m, err := r.Read(v.raw[n:])
			if err != nil {
				return err
			}
			n += m
		}
		if depth == 1 {
			v.strings = append(v.strings, append([]byte(nil), v.raw[at:at+count]...))
		}
	case '%', '|':
		count *= 2
		fallthrough
	case '*', '~', '>':
		for range max(count, 0) {
			if err := v.read(r, depth+1); err != nil {
				return err
			}
		}
		if line[0] == '|' { // attributes precede a value
			return v.read(r, depth)
		}
	}
	return nil
}

// appendStrings appends an array of strings.
func appendStrings(b []byte, words ...[]byte) []byte {
	b = fmt.Appendf(b, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b
}
