package lab

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Config says what cluster to run.
type Config struct {
	// Router is the wamp-router program.
	Router   string
	Replicas int
	// Dir takes the configurations and the logs; it must exist.
	Dir string
	// Seed decides which packets are lost.
	Seed uint64
	// Documents are what the routers serve, resources that are written as JSON: WampRealm,
	// WampProcedure, and WampCluster for its partitionPolicy.
	Documents []any
	// DrainTimeout of each router. Default 5 s.
	DrainTimeout time.Duration
	// LogLevel of the routers: debug, info (the default), warn, error.
	LogLevel string
}

// Lab is a cluster of processes and the network between them.
type Lab struct {
	Replicas []*Replica
	Switch   *Switch
	cfg      Config
	clients  *namespace
	spaces   []*namespace
	open     context.Context // until Close
	close    context.CancelFunc
}

const (
	// clusterNet is the network of the switch, a /24; replica i has the address i+1.
	clusterNet = "198.18.0"
	// clientNets are the networks between clients and replica i: clientNets.(i+1).0/24, where the
	// replica is 2 and the clients are 1. Both are addresses for tests of networks (RFC 2544).
	clientNets = "198.19"
	maxLab     = 200

	clientPort, adminPort, gossipPort, linksPort = 8080, 9090, 7946, 7947
)

// ErrNotAllowed is what New fails with for users who may not make network namespaces.
var ErrNotAllowed = errors.New("network namespaces and TUN devices can be made by root only: run this as root, or with sudo")

// New makes the network and writes the configurations. Nothing runs yet.
func New(cfg Config) (*Lab, error) {
	if os.Geteuid() != 0 {
		return nil, ErrNotAllowed
	}
	if cfg.Replicas < 1 || cfg.Replicas > maxLab {
		return nil, fmt.Errorf("%d replicas: from 1 to %d can be run", cfg.Replicas, maxLab)
	}
	if cfg.DrainTimeout <= 0 {
		cfg.DrainTimeout = 5 * time.Second
	}
	if cfg.LogLevel == "" {
		cfg.LogLevel = "info"
	}
	l := &Lab{cfg: cfg}
	l.open, l.close = context.WithCancel(context.Background())
	if err := l.build(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) build() (err error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	if err := l.write("key", []byte(base64.StdEncoding.EncodeToString(key)+"\n")); err != nil {
		return err
	}
	if err := l.writeDocuments(); err != nil {
		return err
	}
	if l.clients, err = newNamespace(); err != nil {
		return err
	}
	var ports []Port
	defer func() {
		if err != nil {
			for _, p := range ports {
				_ = p.Close()
			}
		}
	}()
	for i := range l.cfg.Replicas {
		space, err := newNamespace()
		if err != nil {
			return err
		}
		l.spaces = append(l.spaces, space)
		inner := fmt.Sprintf("%s.%d", clusterNet, i+1)
		device, err := space.openTUN(inner + "/24")
		if err != nil {
			return err
		}
		ports = append(ports, Port{device, netip.MustParseAddr(inner)})
		if err := l.plug(i, space); err != nil {
			return err
		}
		r := newReplica(l, i, space)
		if err := l.writeConfiguration(r); err != nil {
			return err
		}
		l.Replicas = append(l.Replicas, r)
	}
	l.Switch = NewSwitch(l.cfg.Seed, ports...)
	return nil
}

// plug connects the clients with a replica.
func (l *Lab) plug(i int, space *namespace) error {
	outer := fmt.Sprintf("replica%d", i)
	err := l.clients.ip(
		fmt.Sprintf("link add %s type veth peer name clients netns %s", outer, space.path()),
		fmt.Sprintf("addr add %s.%d.1/24 dev %s", clientNets, i+1, outer),
		fmt.Sprintf("link set %s up", outer),
	)
	if err != nil {
		return err
	}
	return space.ip(fmt.Sprintf("addr add %s.%d.2/24 dev clients", clientNets, i+1), "link set clients up")
}

func (l *Lab) write(name string, content []byte) error {
	return os.WriteFile(filepath.Join(l.cfg.Dir, name), content, 0o600)
}

// Dial connects as a client of the routers does.
func (l *Lab) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A network that goes away while somebody waits for it never answers.
	defer context.AfterFunc(l.open, cancel)()
	if fail := l.clients.do(func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return nil
	}); fail != nil {
		return nil, fail
	}
	return conn, err
}

// Start starts all replicas, and returns when each of them serves and knows all others.
func (l *Lab) Start(ctx context.Context) error {
	for _, r := range l.Replicas {
		if err := r.Start(); err != nil {
			return err
		}
	}
	return l.AwaitAgreement(ctx, l.Replicas...)
}

// Heal ends all faults of the network.
func (l *Lab) Heal() { l.Switch.SetAll(Rule{}) }

// Close kills what runs and removes the network. The files in Config.Dir stay.
func (l *Lab) Close() {
	l.close()
	for _, r := range l.Replicas {
		r.close()
	}
	if l.Switch != nil {
		l.Switch.Close()
	}
	for _, space := range l.spaces {
		space.close()
	}
	if l.clients != nil {
		l.clients.close()
	}
}
