package main

import (
	"log/slog"
	"net/http"
	"time"
)

// maxHeaderBytes bounds the header of a request. (The standard library adds 4 KiB for the first line.)
const maxHeaderBytes = 64 << 10

// httpTiming are the limits in time for what a client sends; sockets, event streams and answers have their own. Tests shorten them.
type httpTiming struct {
	header  time.Duration // from the first byte of a request, or from the start of a connection, to the end of the header
	request time.Duration // the same to the end of the body
	idle    time.Duration // between the requests of a connection
}

func defaultHTTPTiming() httpTiming {
	return httpTiming{header: 10 * time.Second, request: time.Minute, idle: 2 * time.Minute}
}

// httpServer serves a handler within those limits. Nothing is limited in time as a whole that may last: package api gives up who makes no progress.
func (n *node) httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: n.timing.header, ReadTimeout: n.timing.request, IdleTimeout: n.timing.idle, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
}
