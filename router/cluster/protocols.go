package cluster

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/hashicorp/memberlist"
)

const (
	// linkProtocol is the version of what replicas say to one another, on links and in what they
	// add to gossip; linkProtocolLeast is the oldest that this replica speaks as well. Two
	// replicas take the highest that both speak. One that speaks none of the other's is refused, by
	// gossip and on links, with a line in the log of both.
	//
	// Gossip compares the ranges of all members at once, and takes each to use the oldest that it
	// speaks. So every release must speak the oldest version of all that run beside it.
	linkProtocol      = 3
	linkProtocolLeast = 3
)

// protocols is a range of versions of the link protocol.
type protocols struct{ least, most int }

func (p protocols) String() string {
	if p.least == p.most {
		return fmt.Sprint(p.least)
	}
	return fmt.Sprintf("%d to %d", p.least, p.most)
}

// common is the highest version in both ranges; false: there is none.
func (p protocols) common(other protocols) (int, bool) {
	version := min(p.most, other.most)
	return version, version >= max(p.least, other.least)
}

// foreign says, to people, that two members cannot speak to each other.
func foreign(a MemberID, speaks protocols, b MemberID, other protocols) string {
	return fmt.Sprintf("member %q speaks version %s of the link protocol, member %q version %s, and there is none in common: "+
		"run releases side by side only if one follows the other, and upgrade the older one", a, speaks, b, other)
}

// incompatible is how memberlist says that it does not merge with a member of another version. It
// does so in the error of a join and, on the side that was joined, only in its log.
var incompatible = regexp.MustCompile(`Node '([^']*)' delegate protocol version \((\d+)\) is incompatible`)

// gossipLog is memberlist's log. Nothing else in it is news.
type gossipLog struct{ *gossip }

func (l gossipLog) Write(b []byte) (int, error) {
	l.otherVersion(string(b))
	return len(b), nil
}

// otherVersion recognizes what memberlist says of a member of another version, and logs it once.
func (g *gossip) otherVersion(said string) (text string, ok bool) {
	found := incompatible.FindStringSubmatch(said)
	if found == nil {
		return "", false
	}
	version, err := strconv.Atoi(found[2])
	if err != nil {
		return "", false
	}
	return g.refuse(found[1], protocols{version, version}), true
}

func (g *gossip) refuse(name string, speaks protocols) string {
	if speaks.most == 0 {
		speaks = protocols{2, 2} // it and those before it named none
	}
	text := foreign(MemberID(name), speaks, g.id, g.speaks)
	g.mu.Lock()
	said := g.refused[name]
	g.refused[name] = true
	g.mu.Unlock()
	if !said {
		g.logger.Warn("a replica of another release is no member", "error", text)
	}
	return text
}

// NotifyAlive is asked by memberlist whether what it heard of may be a member.
func (g *gossip) NotifyAlive(n *memberlist.Node) error {
	theirs := protocols{int(n.DMin), int(n.DMax)}
	if _, ok := g.speaks.common(theirs); !ok {
		return fmt.Errorf("%s", g.refuse(n.Name, theirs))
	}
	return nil
}
