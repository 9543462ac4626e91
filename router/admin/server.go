package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
)

// Source is the router that the port speaks of. Its methods may be called at any time from any
// goroutine.
type Source interface {
	// State is the replica as it sees itself.
	State() v1alpha1.RouterReplicaState
	// Missing names what keeps the replica from being ready; nothing when it is.
	Missing() []string
	// Procedures are all that have callees.
	Procedures(yield func(v1alpha1.RouterProcedureState) bool)
	// Procedure is one; without callees when it is gone.
	Procedure(key ProcedureKey) v1alpha1.RouterProcedureState
	// Links are those with the other replicas.
	Links() v1alpha1.RouterLinks
	// Callees is a procedure with what is known of its callees.
	Callees(key ProcedureKey) v1alpha1.RouterCallees
}

// Config is what a Server needs.
type Config struct {
	Source   Source
	Gatherer prometheus.Gatherer
	// Token gives the bearer token that /v1/ asks for, each time anew so that it can be
	// replaced; nil leaves /v1/ open.
	Token func() (string, error)
	// Pprof serves /debug/pprof too.
	Pprof  bool
	Logger *slog.Logger
}

// Server is the administration port.
type Server struct {
	cfg   Config
	watch watchers
	http  http.Server
	stop  context.CancelFunc // ends the streams
}

// New makes a server; Serve starts it.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /v1/state", s.guarded(s.state))
	mux.HandleFunc("GET /v1/links", s.guarded(s.links))
	mux.HandleFunc("GET /v1/callees", s.guarded(s.callees))
	if cfg.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http = http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s
}

// Serve answers requests until Close, and closes the listener.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving the administration port: %w", err)
	}
	return nil
}

// Close ends the streams and waits for requests that are being answered until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.stop()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

// Changed tells the streams that a procedure changed, or, with an empty key, the replica. It
// never blocks and costs next to nothing when nobody watches.
func (s *Server) Changed(key ProcedureKey) { s.watch.changed(key) }

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "ok\n")
}

func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	missing := s.cfg.Source.Missing()
	if len(missing) == 0 {
		_, _ = io.WriteString(w, "ok\n")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, "not ready:\n- "+strings.Join(missing, "\n- ")+"\n")
}

// authorized checks the bearer token, in a time that tells nothing about it.
func (s *Server) authorized(r *http.Request) error {
	if s.cfg.Token == nil {
		return nil
	}
	want, err := s.cfg.Token()
	if err != nil {
		s.cfg.Logger.Error("reading the token of the administration port", "error", err)
		return errors.New("the router cannot read its token: see its log")
	}
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || !ok {
		return errors.New("send the token of this cluster: Authorization: Bearer TOKEN")
	}
	return nil
}
