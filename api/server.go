// Package api is every HTTP surface of BizSync: REST, sessions, tokens, authorisation, the upgrade to collaboration sockets, the browser application's
// files, and the mapping of errors to answers.
package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bizsync/bizsync/collab"
	"github.com/bizsync/bizsync/store"
)

const (
	prefix = "/api/v1"
	// requestTime bounds the work for a REST request.
	requestTime = 5 * time.Second
	// maxBodyBytes bounds the body of a REST request.
	maxBodyBytes = 1 << 20
	// defaultSessionIdle is how long a login lasts without being used.
	defaultSessionIdle = 30 * time.Minute
	// defaultFrameBytes bounds an inbound frame of a socket.
	defaultFrameBytes = 16 << 20

	loginsPerMinute          = 5   // of one account from one address
	loginsPerMinuteByAddress = 100 // of all accounts from one address
	// MinSecretBytes is the shortest secret for signing tokens.
	MinSecretBytes = 16
)

// Options are a Server's parts. Store, Hub, Secret and Passwords are needed.
type Options struct {
	Store     store.Store
	Hub       *collab.Hub
	Sessions  SessionCache // remembers logins for all nodes; nil: none
	Passwords *Passwords
	Secret    []byte // signs collaboration tokens, at least 16 bytes
	Web       fs.FS  // the built browser application; nil: none
	Logger    *slog.Logger
	Metrics   prometheus.Registerer // nil: not counted
	Database  string                // which kind it is, for admins: sqlite or postgres
	Redis     func() bool           // whether Redis is connected; nil: there is none

	PublicURL      string         // at which people see this server; "": as each request says
	AllowedOrigins []string       // whose pages may use this server with a person's cookie, beside the public one
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and -Proto are believed

	SessionIdle time.Duration // a login ends after so long without use; 0: 30 min
	FrameBytes  int64         // inbound frames of sockets; 0: 16 MiB
	Attempts    AttemptLimits
}

// AttemptLimits bound how often sockets are opened; each counts per second and holds a burst. The zero value of a field means its default.
type AttemptLimits struct {
	AccountPerSecond float64 // 20
	AccountBurst     int     // 500
	AddressPerSecond float64 // 100
	AddressBurst     int     // 1,000
}

// Server answers everything on the public address. It is an http.Handler and may be used concurrently.
type Server struct {
	// Set at construction.
	store       store.Store
	sessions    SessionCache // nil: none
	hub         *collab.Hub
	database    string      // sqlite or postgres
	redis       func() bool // whether Redis is connected; nil: there is none
	titles      *titles
	passwords   *Passwords
	tokens      *tokens
	log         *slog.Logger
	origins     *origins
	sessionIdle time.Duration
	sockets     *sockets
	keeper      *loginKeeper
	auditor     *auditor
	sealer      *sealer
	metrics     *httpMetrics
	api         huma.API
	handler     http.Handler
	life        context.Context // of the sockets; done when nobody waits for them any more
	endLife     context.CancelFunc

	logins, loginsByAddress                       *throttle
	socketAttemptsByAccount, socketAttemptsByAddr *throttle
	searches, duplicates                          *throttle // by account

	streams  *streams
	own      ownRevision
	uploads  *uploads
	copies   *copies
	changing [256]sync.Mutex // of documents' entries, by the last byte of their id: held while one is compared and changed

	// Guarded by mu.
	mu       sync.Mutex
	stopping bool
	work     sync.WaitGroup // sockets and event streams; grows from nothing only while stopping is false
}

// New checks the options and builds the server. It starts nothing.
func New(o Options) (*Server, error) {
	if o.Store == nil || o.Hub == nil || o.Passwords == nil {
		return nil, errors.New("api: store, hub and passwords are needed")
	}
	if len(o.Secret) < MinSecretBytes {
		return nil, fmt.Errorf("secret: at least %d bytes are needed, there are %d", MinSecretBytes, len(o.Secret))
	}
	origins, err := newOrigins(o.PublicURL, o.AllowedOrigins, o.TrustedProxies)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		store: o.Store, sessions: o.Sessions, hub: o.Hub, database: or(o.Database, "sqlite"), redis: o.Redis, titles: newTitles(o.Store), passwords: o.Passwords, tokens: newTokens(o.Secret), log: o.Logger, origins: origins,
		sessionIdle: or(o.SessionIdle, defaultSessionIdle),
		metrics:     newHTTPMetrics(o.Metrics),
		auditor:     newAuditor(o.Metrics),

		logins:                  newThrottle(loginsPerMinute/60.0, loginsPerMinute),
		loginsByAddress:         newThrottle(loginsPerMinuteByAddress/60.0, loginsPerMinuteByAddress),
		socketAttemptsByAccount: newThrottle(or(o.Attempts.AccountPerSecond, 20), or(o.Attempts.AccountBurst, 500)),
		socketAttemptsByAddr:    newThrottle(or(o.Attempts.AddressPerSecond, 100), or(o.Attempts.AddressBurst, 1000)),
		searches:                newThrottle(searchesPerSecond, searchBurst),
		duplicates:              newThrottle(duplicatesPerSecond, duplicateBurst),
		uploads:                 newUploads(),
		copies:                  newCopies(),
	}
	s.streams = &streams{store: s.store, hub: s.hub, timing: defaultStreamTiming(), most: streamsPerAccount, work: &s.work,
		wake: make(chan struct{}, 1), open: make(map[*stream]struct{}), count: make(map[store.UserID]int)}
	s.life, s.endLife = context.WithCancel(context.Background())
	s.sockets = newSockets(or(o.FrameBytes, defaultFrameBytes), defaultConnTiming(), &s.work)
	s.keeper = newLoginKeeper(s.life, s.store, s.sessionIdle, &s.work)
	if s.sealer, err = newSealer(o.Secret); err != nil {
		return nil, err
	}
	if s.handler, err = s.routes(o.Web); err != nil {
		return nil, err
	}
	return s, nil
}

// or gives v, or the default when v is zero.
func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// matchNames has the library compare the names in a body with case. Otherwise "Role" passes as unknown to the schema of "role", and encoding/json takes it for
// that very field: enums and lengths could be gone around. The library keeps the switch in a package variable, which is set before the first request.
var matchNames = sync.OnceFunc(func() { huma.ValidateStrictCasing = true })

// routes lays out everything that is answered.
func (s *Server) routes(web fs.FS) (http.Handler, error) {
	static, err := newStatic(web)
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(givesUp(answerStall), s.observe, s.recovered, securityHeaders, s.crossSite, middleware.GetHead)

	matchNames()
	s.api = humachi.New(r, huma.Config{
		OpenAPI: describe(), Formats: map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json", RejectUnknownQueryParameters: true, Transformers: []huma.Transformer{s.ownProblems},
	})
	s.setupRoutes()
	s.sessionRoutes()
	s.deviceRoutes()
	s.userRoutes()
	s.resetRoutes()
	s.peopleRoutes()
	s.documentRoutes()
	s.contentRoutes()
	s.editorRoutes()
	s.memberRoutes()
	s.tokenRoutes()
	s.keyRoutes()
	s.noticeRoutes()
	s.presenceRoutes()
	s.adminRoutes()
	s.auditRoutes()
	s.statisticsRoutes()
	spec, err := finishDescription(s.api.OpenAPI())
	if err != nil {
		return nil, err
	}
	r.Get(prefix+"/openapi.json", spec)
	docsRoutes(r)

	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.readyz)
	r.Get("/collab", s.serveHocuspocus)
	r.Get("/collab/", s.serveHocuspocus)
	r.Get("/collab/{name}", s.serveSocket)
	notFound := func(w http.ResponseWriter, r *http.Request) {
		s.writeProblem(w, r, problem(http.StatusNotFound, codeNotFound, "there is nothing at this address"))
	}
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		if static == nil || reserved(r.URL.Path) || !static.serve(w, r) {
			notFound(w, r)
		}
	})
	router := r
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if router.Match(chi.NewRouteContext(), method, r.URL.Path) {
				w.Header().Add("Allow", method)
				if method == http.MethodGet {
					w.Header().Add("Allow", http.MethodHead) // see middleware.GetHead
				}
			}
		}
		s.writeProblem(w, r, problem(http.StatusMethodNotAllowed, codeMethod, "this address doesn't do that"))
	})
	return r, nil
}

// reserved says whether a path belongs to programs: then nothing there is answered with the application's page. (/metrics and /debug are on the admin
// address; a page here would look like an answer.)
func reserved(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "api", "collab", "metrics", "debug":
		return true
	}
	return false
}

// BeginStop makes /readyz answer 503, ends event streams, and refuses new ones and new sockets. Call it before stopping the hub, and Wait after.
func (s *Server) BeginStop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.streams.stop()
}

// Wait returns when every socket and event stream has ended, or when ctx is done: then what is left is told to end at once. BeginStop must have been called.
func (s *Server) Wait(ctx context.Context) error {
	defer s.endLife()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for sockets to end: %w", ctx.Err())
	}
}

// enter counts a socket in; ok is false when the node is stopping.
func (s *Server) enter() (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.work.Add(1)
	return true
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}
