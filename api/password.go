package api

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/alexedwards/argon2id"
)

const (
	minPasswordChars = 8
	maxPasswordBytes = 1024
	// passwordWait is how long a request waits for its turn to hash.
	passwordWait = 10 * time.Second
)

// errBusy: a request could not get its turn.
var errBusy = errors.New("too busy")

// Passwords hashes and compares passwords with argon2id, as many at once as there are cores: each takes 19 MiB and tens of milliseconds of a core,
// which nobody should be able to ask for without end. It may be used concurrently.
type Passwords struct {
	params *argon2id.Params
	turns  chan struct{}
	dummy  string // what an unknown account's password is compared with, so that it takes as long as a known one's
}

// NewPasswords makes a Passwords with the parameters that OWASP's password storage cheat sheet names first: 19 MiB, two passes, one lane.
func NewPasswords() (*Passwords, error) {
	p := &Passwords{
		params: &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		turns:  make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	dummy, err := argon2id.CreateHash("nobody has this password", p.params)
	if err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	p.dummy = dummy
	return p, nil
}

// CheckPassword says what is wrong with a new password, as a Problem.
func CheckPassword(password string) error { return checkPassword("body.password", password) }

// checkPassword is CheckPassword for a password in that place of a request.
func checkPassword(location, password string) error {
	chars := 0
	for range password {
		chars++
	}
	if chars < minPasswordChars || len(password) > maxPasswordBytes {
		return invalid(location, fmt.Sprintf("a password has at least %d characters and at most %d bytes", minPasswordChars, maxPasswordBytes))
	}
	return nil
}

// Hash gives the encoded hash of a password.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	done, err := p.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	hash, err := argon2id.CreateHash(password, p.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// matches compares a password with a hash; with an empty hash it takes as long and says no.
func (p *Passwords) matches(ctx context.Context, password, hash string) (bool, error) {
	done, err := p.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("compare a password: %w", err)
	}
	return ok && known, nil
}

// turn waits for one of the cores.
func (p *Passwords) turn(ctx context.Context) (done func(), err error) {
	wait := time.NewTimer(passwordWait)
	defer wait.Stop()
	select {
	case p.turns <- struct{}{}:
		return func() { <-p.turns }, nil
	case <-wait.C:
		return nil, fmt.Errorf("wait for a password's turn: %w", errBusy)
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a password's turn: %w", ctx.Err())
	}
}
