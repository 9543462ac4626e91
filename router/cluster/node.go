package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// tickEvery is how often the machine is told the time.
const tickEvery = 20 * time.Millisecond

// Config is what a Node needs.
type Config struct {
	// Cluster keeps clusters apart that share a network.
	Cluster string
	// Replica is the name of this replica, unique in the cluster.
	Replica string
	Logger  *slog.Logger
	Host    Host
	// Network is how the replicas find one another; nil: this replica is alone.
	Network *Network

	fabric fabric    // nil: sockets
	speaks protocols // none: those of this release
	keys   *keyring  // of Network.Keys; set by Start
	flaw   flaw
}

// Network says where a replica listens for others and where it looks for them.
type Network struct {
	// Gossip and Links are addresses to listen on, host:port. Port 0 picks a free one.
	Gossip, Links string
	// Advertise is the IP address that the others reach this replica by; empty: the first
	// private one of IPv4, else one of IPv6, or the host of Gossip.
	Advertise string
	// Join are names or addresses of other replicas, with the port of their gossip if it
	// is another than here.
	Join []string
	// Keys protect gossip and links: 16, 24 or 32 bytes each. The first is used, what any of them
	// protects is taken. None: both are in the clear.
	Keys [][]byte
}

// Node is one replica's part of the cluster.
type Node struct {
	host   Host
	logger *slog.Logger
	self   *member
	table  *table
	calls  *calls
	links  *links
	gossip *gossip
	keys   *keyring // nil: gossip and links are in the clear
	// address is where others link to this replica.
	address string
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup

	mu     sync.Mutex
	m      *machine
	active map[MemberID]*link
	fences fences

	// news is for the host, told what changed to whoever asked for the change. Both have a
	// goroutine of their own: the links and the clock do not wait for them.
	news    queue[MetaEvent]
	told    queue[func()]
	crowded crowdedTopics
	slowly  slowTopics
	realms  sync.Map // name: *Realm
}

// Start starts a node. It returns when the node listens; Joined tells when it has met the
// others and may serve.
func Start(c Config) (*Node, error) {
	if c.Replica == "" {
		return nil, errors.New("a replica needs a name")
	}
	self := newMember(c.memberID(), c.Replica)
	t := newTable()
	t.flaw = c.flaw
	if c.fabric == nil {
		c.fabric = sockets{}
	}
	if c.speaks == (protocols{}) {
		c.speaks = protocols{linkProtocolLeast, linkProtocol}
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &Node{
		host: c.Host, logger: c.Logger, self: self, table: t, calls: newCalls(self, t, wallClock{}, c.Host.Pending),
		ctx: ctx, stop: stop, m: newMachine(self, t, c.Logger, randomBelow), active: map[MemberID]*link{}, fences: fences{}, news: newQueue[MetaEvent](), told: newQueue[func()](),
	}
	n.m.now = time.Now()
	if c.Network == nil {
		n.step((*machine).joinedAll)
	} else if err := n.startNetwork(&c); err != nil {
		stop()
		return nil, err
	}
	n.wg.Go(n.tick)
	n.wg.Go(func() { n.news.serve(n.ctx, n.host.Meta) })
	n.wg.Go(func() { n.told.serve(n.ctx, func(tell *func()) { (*tell)() }) })
	return n, nil
}

// memberID makes the name of this run of the replica.
func (c *Config) memberID() MemberID {
	if c.flaw == flawReusedName {
		return MemberID(c.Replica)
	}
	var boot [4]byte
	_, _ = rand.Read(boot[:])
	return MemberID(c.Replica + "." + hex.EncodeToString(boot[:]))
}

func (n *Node) startNetwork(c *Config) error {
	ln, err := c.fabric.listen(c.Network.Links)
	if err != nil {
		return fmt.Errorf("listening for links of other replicas: %w", err)
	}
	_, port, err := splitAddress(ln.Addr().String())
	if err != nil {
		return err
	}
	if n.keys, err = newKeyring(c.Network.Keys, c.Cluster); err != nil {
		_ = ln.Close()
		return err
	}
	c.keys = n.keys
	n.gossip, err = startGossip(c, n.self.id, uint16(port), n.version, n.served)
	if err != nil {
		_ = ln.Close()
		return err
	}
	n.address = net.JoinHostPort(n.gossip.list.LocalNode().Addr.String(), strconv.Itoa(port))
	hello := linkHello{Least: c.speaks.least, Most: c.speaks.most, Cluster: c.Cluster, From: n.self.id, Replica: c.Replica}
	n.links = newLinks(hello, ln, n.keys.linkTLS(), c.fabric, c.Logger, n.serveLink, n.witnesses)
	n.wg.Go(n.followGossip)
	n.wg.Go(func() { n.gossip.run(n.ctx, c.Network.Join) })
	return nil
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) { time.AfterFunc(d, f) }

func randomBelow(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		return 0
	}
	return v.Int64()
}

// step runs one step of the machine and does what it wants done.
func (n *Node) step(f func(*machine)) {
	n.mu.Lock()
	n.m.at(time.Now())
	f(n.m)
	out := n.perform()
	n.mu.Unlock()
	for _, key := range out.changed {
		n.host.Changed(key)
	}
	if out.members {
		n.host.Changed(ProcedureKey{})
	}
	for _, w := range out.wanted {
		n.wg.Go(func() { n.sendKept(w) })
	}
}

// perform sends what the step wants sent, in its order; it gives what is left to do without
// the lock.
func (n *Node) perform() output {
	var all output
	for {
		out := n.m.take()
		for _, e := range out.messages {
			if l := n.active[e.to.id]; l != nil {
				l.say(e.m)
			}
		}
		n.told.add(out.done...)
		for _, k := range out.revoked {
			n.told.add(func() { n.host.Revoke(k.Realm, k.Session, k.registration()) })
		}
		for _, t := range out.tells {
			n.told.add(func() { n.host.Message(t.Realm, t.Session, t.Content) })
		}
		all.changed = append(all.changed, out.changed...)
		all.wanted = append(all.wanted, out.wanted...)
		n.news.add(out.meta...)
		all.members = all.members || out.members
		if len(out.fences) == 0 {
			return all
		}
		for _, fence := range out.fences {
			var to []*member
			for id := range n.active {
				to = append(to, n.m.peer(id).member)
			}
			if n.fences.start(fence, to) {
				n.m.fenceDone(fence)
			}
		}
	}
}

func (n *Node) tick() {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-n.ctx.Done():
			return
		case <-ticker.C:
			n.step((*machine).tick)
		}
	}
}

func (n *Node) followGossip() {
	for {
		select {
		case <-n.ctx.Done():
			return
		case e := <-n.gossip.events:
			switch {
			case e.joined:
				n.step((*machine).joinedAll)
			case e.id == n.self.id:
			case e.version > 0:
				n.step(func(m *machine) { m.hasDigest(e.id, e.version) })
			case e.dead:
				n.logger.Info("member left or died", "member", e.id)
				n.links.forget(e.id)
				n.step(func(m *machine) { m.peerDead(e.id) })
			case e.address == n.address:
				n.logger.Info("this is an earlier run of this replica, not found dead yet", "member", e.id)
			default:
				n.logger.Info("member joined", "member", e.id, "links", e.address)
				n.step(func(m *machine) { m.peerAlive(e.id, e.replica) })
				n.links.want(e.id, e.replica, e.address)
			}
		}
	}
}

func (n *Node) version() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.m.own.flushed
}

// Joined tells whether this replica has met the others, knows their lists and owns its share:
// whether clients may be sent here.
func (n *Node) Joined() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.m.settled() && !n.table.minority.Load()
}

// Waiting says, to people, what this replica waits for while it has not Joined; empty otherwise.
func (n *Node) Waiting() string {
	if n.gossip != nil {
		n.gossip.mu.Lock()
		why := n.gossip.waiting
		n.gossip.mu.Unlock()
		if why != "" {
			return why
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if why := n.m.waiting(); why != "" || !n.table.minority.Load() {
		return why
	}
	return "it cannot reach a majority of the replicas"
}

// served tells whether another member serves already.
func (n *Node) served() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.m.peers, func(p *peer) bool { return p.linked && p.state == stateReady })
}

// GossipAddress is where this replica can be joined.
func (n *Node) GossipAddress() string {
	if n.gossip == nil {
		return ""
	}
	return n.gossip.address()
}

// SetDeclared replaces what WampProcedures declare. Lists that exist go on under the new
// policies at once; nobody is taken off.
func (n *Node) SetDeclared(declared map[ProcedureKey]Declaration) {
	n.step(func(m *machine) { m.setDeclared(declared) })
}

// Drain gives this replica's slots to others and makes them route elsewhere; it returns when
// that is done, or the context is.
func (n *Node) Drain(ctx context.Context) error {
	n.step((*machine).drain)
	for {
		n.mu.Lock()
		drained := n.m.drained()
		n.mu.Unlock()
		if drained {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("giving slots to other replicas: %w", ctx.Err())
		case <-time.After(tickEvery):
		}
	}
}

// Close leaves the cluster and ends everything that Start started.
func (n *Node) Close() error {
	var err error
	if n.gossip != nil {
		err = n.gossip.leave()
	}
	n.end()
	return err
}

// end stops everything without a word to the others.
func (n *Node) end() {
	n.stop()
	if n.links != nil {
		n.links.close()
	}
	if n.gossip != nil {
		n.gossip.close()
	}
	n.wg.Wait()
}
