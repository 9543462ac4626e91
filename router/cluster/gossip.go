package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/hashicorp/memberlist"
)

const (
	// rejoinEvery is how often addresses that are not members are tried: a split that
	// healed is only noticed this way, because dead members are not probed.
	rejoinEvery = 2 * time.Second
	// joinPause is the least time between two tries.
	joinPause = 200 * time.Millisecond
	// joinWait bounds how long a replica waits for addresses it is told of but cannot
	// reach, before it serves without them.
	joinWait = 10 * time.Second
	// digestGrace is how long a change of a list may be on its way on a link before a version that
	// gossip brought shows that it was lost.
	digestGrace = 300 * time.Millisecond
	// leaveWait bounds how long a leaving member waits for the others to hear of it.
	leaveWait = time.Second
)

// gossip is membership by memberlist (SWIM with the Lifeguard extensions): who is there, at
// which address; who is dead; and the version of each member's list as a safety net.
type gossip struct {
	list   *memberlist.Memberlist
	logger *slog.Logger
	fabric fabric
	events chan memberEvent
	done   chan struct{}
	wg     sync.WaitGroup

	id     MemberID
	flaw   flaw
	digest func() (own uint64)
	// served tells whether a member that this one can speak with serves already.
	served func() bool
	speaks protocols
	meta   []byte

	mu sync.Mutex
	at map[MemberID]string // where members gossip, this one included
	// refused are the members of other versions that the log has told of.
	refused map[string]bool
	waiting string // why joined was not told yet
}

// memberEvent is news of a member.
type memberEvent struct {
	id      MemberID
	replica string
	address string // of its links
	dead    bool
	// version of its list, when that is the news.
	version uint64
	// joined: everybody who was found has been reached. It comes after the news of them.
	joined bool
}

// memberMeta is what a member tells all others of itself by gossip; at most 512 bytes.
type memberMeta struct {
	Replica string `cbor:"1,keyasint"`
	Links   uint16 `cbor:"2,keyasint"` // port
}

// memberDigest travels in memberlist's exchanges of state between two members; the answer to a probe
// brings the version alone.
type memberDigest struct {
	Member  MemberID `cbor:"1,keyasint"`
	Version uint64   `cbor:"2,keyasint"`
}

func startGossip(c *Config, id MemberID, linksPort uint16, digest func() uint64, served func() bool) (*gossip, error) {
	g := &gossip{
		logger: c.Logger, fabric: c.fabric, events: make(chan memberEvent, 1024), done: make(chan struct{}),
		id: id, flaw: c.flaw, digest: digest, served: served, speaks: c.speaks,
		at: map[MemberID]string{}, refused: map[string]bool{}, waiting: "it looks for the other replicas",
	}
	var err error
	if g.meta, err = cbor.Marshal(memberMeta{Replica: c.Replica, Links: linksPort}); err != nil {
		return nil, err
	}
	if len(g.meta) > memberlist.MetaMaxSize {
		return nil, fmt.Errorf("the name of the replica, %q, is too long", c.Replica)
	}
	host, port, err := splitAddress(c.Network.Gossip)
	if err != nil {
		return nil, fmt.Errorf("gossip address: %w", err)
	}
	m := memberlist.DefaultLANConfig()
	m.Name = string(id)
	m.Label = c.Cluster
	if c.keys != nil {
		m.Keyring = c.keys.gossip
	}
	m.BindAddr, m.BindPort = host, port
	m.AdvertiseAddr, m.AdvertisePort = c.Network.Advertise, port
	if m.AdvertiseAddr == "" && host == everyAddress {
		m.AdvertiseAddr = ownAddress(net.InterfaceAddrs())
	}
	// A silent member is found dead in 1.2 to 1.9 s with these; with the defaults in 5 to 7.
	m.ProbeInterval, m.ProbeTimeout, m.SuspicionMult = 300*time.Millisecond, 150*time.Millisecond, 3
	m.GossipInterval = 100 * time.Millisecond
	m.TCPTimeout = time.Second
	m.PushPullInterval = 15 * time.Second
	// Compressing a list of 100,000 entries costs 17 times what sending it costs.
	m.EnableCompression = false
	m.DelegateProtocolMin, m.DelegateProtocolMax = uint8(c.speaks.least), uint8(c.speaks.most)
	m.DelegateProtocolVersion = m.DelegateProtocolMin
	m.Delegate, m.Events, m.Ping, m.Alive = g, g, g, g
	m.Logger = log.New(gossipLog{g}, "", 0)
	if m.Transport, err = c.fabric.gossip(host, port, m.Logger); err != nil {
		return nil, fmt.Errorf("gossip address: %w", err)
	}
	if g.list, err = memberlist.Create(m); err != nil {
		return nil, fmt.Errorf("starting gossip on %s: %w", c.Network.Gossip, err)
	}
	return g, nil
}

func splitAddress(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port: %w", addr, err)
	}
	if port, err = strconv.Atoi(p); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q has no port between 0 and 65535", addr)
	}
	if host == "" || host == "::" {
		host = everyAddress
	}
	return host, port, nil
}

func (g *gossip) address() string {
	node := g.list.LocalNode()
	return net.JoinHostPort(node.Addr.String(), strconv.Itoa(int(node.Port)))
}

// run joins the addresses, tells once that all that were found have been reached (or the time
// for that is over), and goes on looking for members that were lost.
func (g *gossip) run(ctx context.Context, join []string) {
	start, told := time.Now(), false
	log := unreached{logger: g.logger}
	for {
		began := time.Now()
		missing, foreign, err := g.join(ctx, join)
		if ctx.Err() != nil {
			return
		}
		log.tried(time.Now(), err)
		if !told {
			// One that can speak only with replicas that are starting, too, would make a second
			// cluster beside the first.
			apart := foreign > 0 && !g.served()
			told = !apart && (missing == 0 && err == nil || time.Since(start) > joinWait)
			g.wait(told, err)
		}
		if told && g.flaw == flawNoRejoin {
			return
		}
		// A try that hung has used up the time until the next: what heals while it hangs is
		// noticed by that.
		wait := joinPause
		if told {
			wait = max(wait, rejoinEvery-time.Since(began))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// wait keeps why others are waited for, or tells that this is over.
func (g *gossip) wait(told bool, err error) {
	g.mu.Lock()
	if g.waiting = ""; !told {
		g.waiting = fmt.Sprintf("it cannot reach every replica: %v", err)
	}
	g.mu.Unlock()
	if told {
		g.tell(memberEvent{joined: true})
	}
}

// join tries every address that is not a member's; it gives the number it could not reach, and the
// number of those that are of another version among them.
func (g *gossip) join(ctx context.Context, names []string) (missing, foreign int, err error) {
	known := map[string]bool{}
	g.mu.Lock() // memberlist goes on writing to the nodes that its Members gives
	for _, addr := range g.at {
		known[addr] = true
	}
	g.mu.Unlock()
	var errs []error
	for _, name := range names {
		addrs, err := g.resolve(ctx, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, addr := range addrs {
			if known[addr] {
				continue
			}
			known[addr] = true
			if _, err := g.list.Join([]string{addr}); err != nil {
				missing++
				why := oneLine(err)
				if text, ok := g.otherVersion(why); ok {
					foreign++
					why = text
				}
				errs = append(errs, fmt.Errorf("joining %s: %s", addr, why))
			}
		}
	}
	return missing, foreign, errors.Join(errs...)
}

// oneLine takes the list that memberlist makes of even one error apart.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\t' }), " ")
}

// resolve gives the addresses behind a name; the port is this member's own when none is given.
func (g *gossip) resolve(ctx context.Context, name string) ([]string, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		host, port = strings.Trim(name, "[]"), strconv.Itoa(int(g.list.LocalNode().Port))
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	hosts, err := g.fabric.resolve(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("looking up the other replicas: %w", err)
	}
	hosts = sameFamily(g.list.LocalNode().Addr, hosts)
	addrs := make([]string, len(hosts))
	for i, h := range hosts {
		addrs[i] = net.JoinHostPort(h, port)
	}
	return addrs, nil
}

// leave tells the others that this member goes on purpose.
func (g *gossip) leave() error { return g.list.Leave(leaveWait) }

func (g *gossip) close() {
	close(g.done)
	_ = g.list.Shutdown()
	g.wg.Wait()
}

// tell passes news on without blocking memberlist, which holds a lock meanwhile. Only if
// there is more news than anybody can make does it wait.
func (g *gossip) tell(e memberEvent) {
	select {
	case g.events <- e:
	case <-g.done:
	}
}

// NotifyJoin, NotifyLeave and NotifyUpdate are memberlist's word on members.
func (g *gossip) NotifyJoin(n *memberlist.Node) {
	var meta memberMeta
	if err := cbor.Unmarshal(n.Meta, &meta); err != nil || n.Name == "" {
		g.logger.Warn("member is not one of a router", "member", n.Name, "error", err)
		return
	}
	g.mu.Lock()
	g.at[MemberID(n.Name)] = net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port)))
	g.mu.Unlock()
	g.tell(memberEvent{
		id: MemberID(n.Name), replica: meta.Replica,
		address: net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(meta.Links))),
	})
}

func (g *gossip) NotifyLeave(n *memberlist.Node) {
	g.mu.Lock()
	delete(g.at, MemberID(n.Name))
	g.mu.Unlock()
	g.tell(memberEvent{id: MemberID(n.Name), dead: true})
}

func (g *gossip) NotifyUpdate(*memberlist.Node) {}

// NodeMeta, LocalState and the rest are memberlist's delegate. They are called before
// memberlist.Create returns, too.
func (g *gossip) NodeMeta(int) []byte { return g.meta }

func (g *gossip) NotifyMsg([]byte) {}

func (g *gossip) GetBroadcasts(int, int) [][]byte { return nil }

func (g *gossip) LocalState(bool) []byte {
	b, err := cbor.Marshal(memberDigest{Member: g.id, Version: g.digest()})
	if err != nil {
		return nil
	}
	return b
}

func (g *gossip) MergeRemoteState(b []byte, _ bool) {
	var d memberDigest
	if err := cbor.Unmarshal(b, &d); err == nil {
		g.compare(d.Member, d.Version)
	}
}

// AckPayload and NotifyPingComplete make each probe bring the version of the list of the member that
// was probed.
func (g *gossip) AckPayload() []byte { return binary.AppendUvarint(nil, g.digest()) }

func (g *gossip) NotifyPingComplete(other *memberlist.Node, _ time.Duration, payload []byte) {
	if version, n := binary.Uvarint(payload); n > 0 && n == len(payload) {
		g.compare(MemberID(other.Name), version)
	}
}

// compare tells of the version of a member's list when the changes up to it must have arrived: they
// come by another way than this news.
func (g *gossip) compare(id MemberID, version uint64) {
	if version > 0 {
		time.AfterFunc(digestGrace, func() { g.tell(memberEvent{id: id, version: version}) })
	}
}
