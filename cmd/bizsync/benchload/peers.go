package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/bizsync/bizsync/cmd/bizsync/lab"
)

// Names of the servers that are measured beside ours: folders below peers, with what npm has installed for them.
const (
	peerYWebsocket = "y-websocket-server"
	peerHocuspocus = "hocuspocus"
)

// peer is another project's server, under Node.js. Its documents are in memory only.
type peer struct {
	name   string
	folder string
}

var errAlone = errors.New("it knows no second node")

// version is the name and version of the package that is measured, or says that it isn't installed.
func (p peer) version() (string, error) {
	name := map[string]string{peerYWebsocket: "@y/websocket-server", peerHocuspocus: "@hocuspocus/server"}[p.name]
	b, err := os.ReadFile(filepath.Join(p.folder, "node_modules", name, "package.json"))
	if err != nil {
		return "", fmt.Errorf("%s is not installed: %w", name, err)
	}
	var described struct{ Version string }
	if err := json.Unmarshal(b, &described); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return name + " " + described.Version, nil
}

func (p peer) start(ctx context.Context, dir string, nodes, _ int) (s *server, err error) {
	if nodes > 1 && p.name != peerHocuspocus {
		return nil, errAlone
	}
	s = &server{endpoint: endpoint{hocuspocus: p.name == peerHocuspocus, token: "anybody"}}
	s.stop = func() (err error) {
		for i := len(s.parts) - 1; i >= 0; i-- { // Redis is the first
			err = errors.Join(err, s.parts[i].End(syscall.SIGTERM))
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	var environment []string
	if nodes > 1 {
		redis, err := lab.StartRedis(ctx, dir)
		if err != nil {
			return s, err
		}
		s.parts = append(s.parts, part{Process: redis.Process})
		environment = append(environment, "REDIS_PORT="+strconv.Itoa(redis.Port))
	}
	for i := range nodes {
		if err := p.startNode(ctx, s, dir, string(rune('A'+i)), environment); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (p peer) startNode(ctx context.Context, s *server, dir, name string, environment []string) error {
	port, err := lab.FreePort()
	if err != nil {
		return err
	}
	program, path := "server.mjs", "/"
	if p.name == peerYWebsocket {
		program, path = filepath.Join("node_modules", "@y", "websocket-server", "src", "server.js"), "/{room}"
	}
	cmd := exec.Command("node", program)
	cmd.Dir = p.folder
	cmd.Env = append(os.Environ(), append(environment, "NODE_ENV=production", "HOST=127.0.0.1", "PORT="+strconv.Itoa(port))...)
	process, err := lab.Launch(name, cmd, filepath.Join(dir, name+".log"))
	if err != nil {
		return err
	}
	s.parts = append(s.parts, part{Process: process})
	s.urls = append(s.urls, fmt.Sprintf("ws://127.0.0.1:%d%s", port, path))
	return process.Ready(ctx, lab.Listens(port))
}
