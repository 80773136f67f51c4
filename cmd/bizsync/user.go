package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/bizsync/bizsync/api"
	"github.com/bizsync/bizsync/store"
)

// maxPasswordLine bounds what is read from standard input for a password.
const maxPasswordLine = 8 << 10

// userAddCommand creates an account.
type userAddCommand struct {
	Email   string          `arg:"" help:"Email address."`
	Name    string          `help:"Name, shown to others; the part of the address before the @ when empty."`
	Role    string          `default:"member" enum:"admin,member" help:"admin or member."`
	Storage storageSettings `embed:""`
}

func (c *userAddCommand) run(ctx context.Context, p process) (err error) {
	password, err := readPassword(p.stdin)
	if err != nil {
		return err
	}
	passwords, err := api.NewPasswords()
	if err != nil {
		return err
	}
	user, err := newUser(ctx, passwords, c.Email, c.Name, store.UserRole(c.Role), password)
	if err != nil {
		return err
	}
	st, err := c.Storage.open(ctx, store.Limits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	user, err = st.CreateUser(ctx, user)
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("there is an account for %s already", c.Email)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s %s\n", user.ID, user.Email)
	return err
}

// newUser checks an account's parts, with the rules of the API, and hashes the password.
func newUser(ctx context.Context, passwords *api.Passwords, email, name string, role store.UserRole, password string) (store.User, error) {
	email, name, err := api.CleanAccount(email, name)
	if err != nil {
		return store.User{}, err
	}
	if err := api.CheckPassword(password); err != nil {
		return store.User{}, err
	}
	hash, err := passwords.Hash(ctx, password)
	if err != nil {
		return store.User{}, err
	}
	return store.User{Email: email, Name: name, Role: role, PasswordHash: hash}, nil
}

// readPassword reads one line.
func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPasswordLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", errors.New("there is no password on standard input")
	}
	return line, nil
}
