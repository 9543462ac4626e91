package router

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/admin"
	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/config"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/transport"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Config is what a replica needs.
type Config struct {
	// Configuration is the file of the replica, with defaults filled in (config.LoadRouter).
	// A port 0 picks a free one.
	Configuration *v1alpha1.RouterConfiguration
	// Documents are served as they are; nil: those that Configuration names, reloaded when
	// they change.
	Documents *config.Documents
	// Version of the binary, for WELCOME and the state stream.
	Version string
	// Limits of the connections of clients, in place of what Configuration says about them; the
	// zero value leaves it to Configuration.
	Limits transport.Config
	// HandshakeTimeout is how long a client may take until it has joined. Default: what
	// Configuration says.
	HandshakeTimeout time.Duration
	// Pprof serves profiles on the administration port.
	Pprof  bool
	Logger *slog.Logger
}

// Router is one replica.
type Router struct {
	cfg     Config
	log     *slog.Logger
	node    *cluster.Node
	clients transport.Server
	// certificate of the port for clients; nil without TLS.
	certificate *certificate
	admin       *admin.Server
	registry    *prometheus.Registry
	sessions    session.Config

	clientListener, unixListener, adminListener net.Listener

	realms   realms
	logins   logins
	served   atomic.Pointer[v1alpha1.RouterDocumentsState]
	applying sync.Mutex        // documents
	applied  *config.Documents // the last good ones; with applying
	keys     keyReport
	joined   atomic.Bool // the others were met once
	loaded   atomic.Bool // documents were applied at least once
	quorum   atomic.Int64
	draining atomic.Bool
	refusing atomic.Bool // new sessions, from some way into the drain

	ctx    context.Context // ends in Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	failed chan error // a port that is served no more
	closed sync.Once
}

// Start starts a replica: it listens, serves and meets the others. It is ready ([Router.Missing])
// a moment later. Stop it with Close, gently with Drain before; or let Run do both.
func Start(cfg Config) (*Router, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	config.DefaultRouter(cfg.Configuration)
	if cfg.HandshakeTimeout <= 0 {
		cfg.HandshakeTimeout = cfg.Configuration.Limits.HandshakeTimeout.Duration
	}
	if reflect.ValueOf(cfg.Limits).IsZero() {
		cfg.Limits = config.Transport(cfg.Configuration)
	}
	r := &Router{cfg: cfg, log: cfg.Logger, failed: make(chan error, 3)}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.served.Store(&v1alpha1.RouterDocumentsState{})
	r.sessions = session.Config{
		Agent: "wamp-router/" + cfg.Version, HandshakeTimeout: cfg.HandshakeTimeout, Logger: cfg.Logger,
	}
	if err := r.start(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Router) start() error {
	c := r.cfg.Configuration
	r.registry = prometheus.NewRegistry()
	r.registerMetrics()
	var token func() (string, error)
	if path := c.Admin.TokenFile; path != "" {
		token = func() (string, error) { return config.ReadToken(path) }
		if _, err := token(); err != nil {
			return err
		}
	}
	r.admin = admin.New(admin.Config{
		Source: r, Gatherer: r.registry, Token: token, Pprof: r.cfg.Pprof, Logger: r.log,
	})
	r.clients = transport.Server{Handler: r.connected, Config: r.cfg.Limits, Log: r.log}
	if c.TLS != nil {
		var err error
		if r.certificate, err = newCertificate(c.TLS.CertFile, c.TLS.KeyFile, r.log); err != nil {
			return err
		}
		r.clients.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: r.certificate.get}
		if err := config.ClientCertificates(r.clients.TLS, c.TLS, r.oldAuthorities); err != nil {
			return err
		}
	}
	var err error
	if r.adminListener, err = net.Listen("tcp", c.Admin.Listen); err != nil {
		return fmt.Errorf("listening for administration (admin.listen): %w", err)
	}
	if token == nil && !onLoopback(r.adminListener) {
		r.log.Warn("the administration port asks for no token: whoever reaches it is told of all procedures and callees; write admin.tokenFile, or let admin.listen be 127.0.0.1:9090",
			"admin", r.adminListener.Addr())
	}
	if r.clientListener, err = net.Listen("tcp", c.Listen); err != nil {
		return fmt.Errorf("listening for clients (listen): %w", err)
	}
	if c.UnixSocket != nil {
		if r.unixListener, err = config.ListenUnix(c.UnixSocket); err != nil {
			return err
		}
	}
	if err := r.join(); err != nil {
		return err
	}
	r.realms.init(r.node, newLimits(&r.cfg.Configuration.Limits))
	r.serve()
	return nil
}

// onLoopback tells whether only this machine reaches a port.
func onLoopback(l net.Listener) bool {
	addr, ok := l.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

func (r *Router) oldAuthorities(err error) {
	r.log.Error("the new authorities of clients' certificates cannot be used, the last ones stay in use", "error", err)
}

// join starts the replica's part of the cluster.
func (r *Router) join() error {
	c := cluster.Config{Cluster: "alone", Replica: "wamp-router", Logger: r.log, Host: (*host)(r)}
	if spec := r.cfg.Configuration.Cluster; spec != nil {
		c.Cluster, c.Replica = spec.Name, spec.Replica
		c.Network = &cluster.Network{Gossip: spec.Gossip, Links: spec.Links, Advertise: spec.Advertise, Join: spec.Join}
		if spec.KeyFile != "" {
			var err error
			if c.Network.Keys, err = config.ReadKeys(spec.KeyFile); err != nil {
				return err
			}
		}
	}
	node, err := cluster.Start(c)
	if err != nil {
		return fmt.Errorf("starting the cluster: %w", err)
	}
	r.node = node
	return nil
}

func (r *Router) serve() {
	r.wg.Go(func() {
		if err := r.admin.Serve(r.adminListener); err != nil {
			r.failed <- err
		}
	})
	for _, ln := range []net.Listener{r.clientListener, r.unixListener} {
		if ln == nil {
			continue
		}
		r.wg.Go(func() {
			if err := r.clients.Serve(ln); !errors.Is(err, transport.ErrServerClosed) {
				r.failed <- fmt.Errorf("serving clients: %w", err)
			}
		})
	}
	if r.cfg.Documents != nil || len(r.cfg.Configuration.Documents) == 0 {
		docs := r.cfg.Documents
		if docs == nil {
			docs = &config.Documents{}
			r.log.Warn("no documents are configured: no realm is served, nobody can join")
		}
		r.apply(docs, nil)
	} else {
		r.wg.Go(func() { config.Watch(r.ctx, r.log, r.cfg.Configuration.Documents, r.apply) })
	}
	if spec := r.cfg.Configuration.Cluster; spec != nil && spec.KeyFile != "" {
		r.wg.Go(func() { config.WatchKeys(r.ctx, r.log, spec.KeyFile, r.applyKeys) })
	}
	r.wg.Go(r.watchReadiness)
	r.wg.Go(r.releaseMemory)
}

// connected serves one connection, in its own goroutine.
func (r *Router) connected(conn transport.Conn) {
	session.New(r.ctx, r.sessions, conn).Run(r)
}

// Address is where clients connect, and AdminAddress where the administration port is.
func (r *Router) Address() string      { return r.clientListener.Addr().String() }
func (r *Router) AdminAddress() string { return r.adminListener.Addr().String() }

// Realms are the realms that are served, sorted.
func (r *Router) Realms() []string { return r.realms.names() }

// GossipAddress is where other replicas can join this one.
func (r *Router) GossipAddress() string { return r.node.GossipAddress() }

// Run serves until ctx ends and then stops gently, within the configuration's drainTimeout; or
// until a port fails.
func (r *Router) Run(ctx context.Context) error {
	defer r.Close()
	select {
	case err := <-r.failed:
		return err
	case <-ctx.Done():
	}
	timeout := config.DefaultDrainTimeout
	if d := r.cfg.Configuration.DrainTimeout; d != nil {
		timeout = d.Duration
	}
	drain, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	r.Drain(drain)
	return nil
}

// closeTimeout bounds each step of Close.
const closeTimeout = 5 * time.Second

// Close stops at once: connections end without GOODBYE. Use Drain before where that matters.
func (r *Router) Close() {
	r.closed.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		r.cancel()
		for _, ln := range []net.Listener{r.clientListener, r.unixListener} {
			if ln != nil {
				_ = ln.Close()
			}
		}
		if err := r.clients.Shutdown(ctx); err != nil {
			r.log.Debug("connections were cut", "error", err)
		}
		if r.node != nil {
			if err := r.node.Close(); err != nil {
				r.log.Debug("leaving the cluster", "error", err)
			}
		}
		if r.adminListener != nil {
			_ = r.adminListener.Close()
			_ = r.admin.Close(ctx)
		}
		r.wg.Wait()
	})
}

// newSessionID gives the id, or else one that no session here has; it is random over 53 bits, so
// that in the whole cluster two are alike about once in 2^53 / sessions.
func newSessionID(id wamp.ID, taken func(wamp.ID) bool) wamp.ID {
	for taken(id) {
		id = wamp.RandomID()
	}
	return id
}
