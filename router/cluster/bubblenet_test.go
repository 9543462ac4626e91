package cluster

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	bubbleGossip = 7946
	bubbleLinks  = 7947
	// bubbleRoutersName is resolved to every address that has, or had, a replica, as the name of a
	// headless Service is that publishes addresses which are not ready.
	bubbleRoutersName = "routers"
)

// bubbleNet is a network in memory for whole nodes: hosts with an IP address each, connections
// like those of TCP, and packets. All that waits in it waits on channels and timers, so that in
// a bubble of testing/synctest its time is virtual.
//
// Delays, losses and so on come from the seed; but which goroutine asks first is decided by the
// scheduler, so a world goes the same way twice only roughly.
type bubbleNet struct {
	mu    sync.Mutex
	rng   *rand.Rand
	hosts map[string]*bubbleHost // by IP: the one that has it now
	names []string               // IPs that bubbleRoutersName resolves to
	// cut directions, and since when.
	cuts  map[bubbleWay]time.Time
	flows map[*bubbleFlow]struct{}

	// delay is the shortest time that anything takes; jitter is added, evenly distributed.
	delay, jitter time.Duration
	// loss and twice are the parts of gossip's packets that get lost, or arrive twice; late is the
	// part that takes up to a second, and so arrives behind others.
	loss, twice, late float64
	packets, lost     int
}

// bubbleWay is a direction between two hosts.
type bubbleWay struct{ from, to string }

// bubbleHost is a machine with one process on it. A restart is another host, perhaps at the same
// IP: connections of the earlier one do not reach it.
type bubbleHost struct {
	net *bubbleNet
	ip  string
	// gone: the process is not there any more, and the machine answers for it with a reset.
	// dark: neither is the machine, and nothing answers. paused: the process does not run.
	gone, dark, paused bool
	ports              map[int]*bubbleListener
	udp                *bubbleTransport
	parked             []func() // packets that came during a pause
	nextPort           int
}

func newBubbleNet(seed uint64) *bubbleNet {
	rng := rand.New(rand.NewPCG(seed, 0xb0bb1e))
	return &bubbleNet{
		rng: rng, hosts: map[string]*bubbleHost{}, cuts: map[bubbleWay]time.Time{}, flows: map[*bubbleFlow]struct{}{},
		delay: 100*time.Microsecond + time.Duration(rng.Int64N(int64(time.Millisecond))), jitter: 500 * time.Microsecond,
	}
}

// host adds a host, or starts the machine at this IP again.
func (n *bubbleNet) host(ip string) *bubbleHost {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &bubbleHost{net: n, ip: ip, ports: map[int]*bubbleListener{}, nextPort: 40000}
	n.hosts[ip] = h
	if !slices.Contains(n.names, ip) {
		n.names = append(n.names, ip)
	}
	return h
}

// withdraw takes an address out of the name.
func (n *bubbleNet) withdraw(ip string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names = slices.DeleteFunc(n.names, func(s string) bool { return s == ip })
}

// cut lets nothing through in one direction any more. Connections stay: what is sent on them
// waits, as TCP sends again what is not acknowledged. Packets are lost.
func (n *bubbleNet) cut(from, to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.cuts[bubbleWay{from, to}]; !ok {
		n.cuts[bubbleWay{from, to}] = time.Now()
	}
}

// split cuts groups of hosts off from one another.
func (n *bubbleNet) split(groups ...[]string) {
	for i, a := range groups {
		for _, b := range slices.Concat(groups[i+1:]...) {
			for _, a := range a {
				n.cut(a, b)
				n.cut(b, a)
			}
		}
	}
}

// heal mends everything. TCP notices when it sends again: the longer the cut, the longer that may
// take, here up to two seconds.
func (n *bubbleNet) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for way, since := range n.cuts {
		delete(n.cuts, way)
		most := min(time.Since(since), 2*time.Second)
		for f := range n.flows {
			if f.from.ip == way.from && f.to.ip == way.to {
				f.hold(time.Now().Add(n.upTo(most)))
			}
			if f.from.ip == way.to && f.to.ip == way.from {
				f.credit()
			}
		}
	}
}

// weather sets which parts of gossip's packets get lost, arrive twice, and come late.
func (n *bubbleNet) weather(loss, twice, late float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss, n.twice, n.late = loss, twice, late
}

// pause stops what a process hears: what is sent to it waits in the machine, and what it sends
// itself does not leave. Its goroutines go on, in a bubble nothing else can be had; a process that
// is really stopped is for tests with processes.
func (h *bubbleHost) pause() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.paused = true
}

func (h *bubbleHost) resume() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.paused = false
	for f := range h.net.flows {
		if f.from == h || f.to == h {
			f.hold(time.Now())
			f.credit()
		}
	}
	for _, p := range h.parked {
		p()
	}
	h.parked = nil
}

// kill ends a process. Of a dark machine nothing more is heard; else the machine resets the
// connections.
func (h *bubbleHost) kill(dark bool) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	h.gone, h.dark = true, dark
	for f := range n.flows {
		if f.from == h && !dark {
			f.reset(h, f.to)
		}
	}
}

// passes tells whether what is sent now arrives.
func (n *bubbleNet) passes(from, to *bubbleHost) bool {
	_, cut := n.cuts[bubbleWay{from.ip, to.ip}]
	return !cut && !from.dark && !to.dark && !from.paused && !to.paused
}

// transit draws the time that something takes.
func (n *bubbleNet) transit() time.Duration { return n.delay + n.upTo(n.jitter) }

func (n *bubbleNet) upTo(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(n.rng.Int64N(int64(most)))
}

func (n *bubbleNet) chance(p float64) bool { return p > 0 && n.rng.Float64() < p }

// A host is the fabric of the node on it.
var _ fabric = (*bubbleHost)(nil)

func (h *bubbleHost) listen(address string) (net.Listener, error) {
	_, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	return h.listenAt(port)
}

func (h *bubbleHost) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeWait)
	defer cancel()
	return h.connect(ctx, address)
}

func (h *bubbleHost) resolve(ctx context.Context, name string) ([]string, error) {
	h.net.mu.Lock()
	wait := 2 * h.net.transit()
	names := slices.Clone(h.net.names)
	h.net.mu.Unlock()
	if net.ParseIP(name) != nil {
		return []string{name}, nil
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if name != bubbleRoutersName {
		return nil, fmt.Errorf("no such host: %s", name)
	}
	return names, nil
}

func (h *bubbleHost) gossip(_ string, port int, _ *log.Logger) (memberlist.Transport, error) {
	l, err := h.listenAt(port)
	if err != nil {
		return nil, err
	}
	return newBubbleTransport(h, l), nil
}

func (h *bubbleHost) address(port int) net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(h.ip), Port: port}
}

// at gives the host that has an address now.
func (n *bubbleNet) at(address string) (h *bubbleHost, port int) {
	ip, p, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0
	}
	port, _ = strconv.Atoi(p)
	return n.hosts[ip], port
}
