package router

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wamp-operator/wamp-operator/api/v1alpha1"
	"github.com/wamp-operator/wamp-operator/router/config"
	"github.com/wamp-operator/wamp-operator/router/transport"
)

// openRealm is what a development cluster serves when it is given no documents.
//
//go:embed dev.yaml
var openRealm []byte

// DevConfig is a development cluster: several replicas in one process, which find one another
// over the loopback interface as they would over a network.
type DevConfig struct {
	Replicas int
	// Listen is the address of the first replica, host:port; the others listen 10 ports apart,
	// and the administration port of each is one above. Port 0 picks free ones.
	Listen string
	// Documents are files and folders to serve and watch; none: the realm "realm1", open to
	// all.
	Documents []string
	Version   string
	Limits    transport.Config
	// HandshakeTimeout is how long a client may take to its HELLO. Default 10 s.
	HandshakeTimeout time.Duration
	// Configure may change the configuration of replica i before it starts.
	Configure func(i int, c *v1alpha1.RouterConfiguration)
	Pprof     bool
	Logger    *slog.Logger
}

// Dev is a development cluster that runs.
type Dev struct{ Routers []*Router }

// StartDev starts a development cluster. Ready tells when the replicas have met.
func StartDev(cfg DevConfig) (*Dev, error) {
	host, port, err := splitListen(cfg.Listen, cfg.Replicas)
	if err != nil {
		return nil, err
	}
	var docs *config.Documents
	if len(cfg.Documents) == 0 {
		if docs, err = config.ParseDocuments("dev.yaml", openRealm); err != nil {
			return nil, err
		}
	} else if _, err := config.LoadDocuments(cfg.Documents); err != nil {
		return nil, err // a person is there to mend them
	}
	loopback := loopbackLike(host)
	d := &Dev{}
	var join []string
	for i := range cfg.Replicas {
		name := fmt.Sprintf("dev-%d", i)
		c := &v1alpha1.RouterConfiguration{
			Listen:    listenAddress(host, port, 10*i),
			Admin:     v1alpha1.RouterAdmin{Listen: listenAddress(host, port, 10*i+1)},
			Documents: cfg.Documents,
			// Nobody waits long for a laptop, and all replicas stop together.
			DrainTimeout: &metav1.Duration{Duration: 2 * time.Second},
			Cluster: &v1alpha1.RouterClusterConfiguration{
				Name: "dev", Replica: name, Gossip: net.JoinHostPort(loopback, "0"), Links: net.JoinHostPort(loopback, "0"),
				Advertise: loopback, Join: join,
			},
		}
		if cfg.Configure != nil {
			cfg.Configure(i, c)
		}
		r, err := Start(Config{
			Configuration: c, Documents: docs, Version: cfg.Version, Limits: cfg.Limits, HandshakeTimeout: cfg.HandshakeTimeout, Pprof: cfg.Pprof,
			Logger: cfg.Logger.With("replica", name),
		})
		if err != nil {
			d.Close()
			return nil, fmt.Errorf("replica %s: %w", name, err)
		}
		d.Routers = append(d.Routers, r)
		join = append([]string{}, append(join, r.GossipAddress())...)
	}
	return d, nil
}

func splitListen(address string, replicas int) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not an address to listen on: write host:port, for example 127.0.0.1:8080", address)
	}
	port, err = strconv.Atoi(text)
	if last := port + 10*replicas; err != nil || port < 0 || last > 65535 {
		return "", 0, fmt.Errorf("port %q: write a number from 0 to %d, so that %d replicas find room above it", text, 65535-10*replicas, replicas)
	}
	if replicas < 1 {
		return "", 0, fmt.Errorf("%d replicas: at least 1 is needed", replicas)
	}
	return host, port, nil
}

// loopbackLike is the loopback address of the same kind as the host that clients connect to: there may be
// no other kind on the machine.
func loopbackLike(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return "::1"
	}
	return "127.0.0.1"
}

func listenAddress(host string, port, above int) string {
	if port != 0 {
		port += above
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// Ready waits until the replicas have met and serve.
func (d *Dev) Ready(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for _, r := range d.Routers {
		for {
			missing := r.Missing()
			if len(missing) == 0 && len(r.node.Members()) == len(d.Routers) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("replica %s is not ready: %v, members %v", r.replica(), missing, r.node.Members())
			case <-look.C:
			}
		}
	}
	return nil
}

// Run serves until ctx ends, then stops all replicas gently and at the same time; or until one
// fails.
func (d *Dev) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(d.Routers))
	for _, r := range d.Routers {
		go func() {
			err := r.Run(ctx)
			cancel()
			ended <- err
		}()
	}
	var errs []error
	for range d.Routers {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// Close stops every replica at once.
func (d *Dev) Close() {
	for _, r := range d.Routers {
		r.Close()
	}
}
