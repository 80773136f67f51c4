// Command bizsync is the BizSync server: documents that several people edit at once, kept in one directory or in a database.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	p := process{args: os.Args[1:], env: os.LookupEnv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	if err := run(ctx, p); err != nil {
		fmt.Fprintln(os.Stderr, "bizsync:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// process is what run needs of the operating system.
type process struct {
	args   []string
	env    func(name string) (value string, ok bool)
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// run does what the arguments say and returns when it is done, or, for a server, when ctx is.
func run(ctx context.Context, p process) error {
	command, err := parse(p)
	if err != nil {
		return err
	}
	if command == nil { // help was asked for and printed
		return nil
	}
	return command.run(ctx, p)
}

// versionCommand prints which program this is.
type versionCommand struct{}

func (versionCommand) run(_ context.Context, p process) error {
	_, err := fmt.Fprintf(p.stdout, "bizsync %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// version is the module's version, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}
