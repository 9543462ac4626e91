package cluster

import "fmt"

const (
	// linkProtocol is the version of what replicas say to one another, on links and in what they
	// add to gossip; linkProtocolLeast is the oldest that this replica speaks as well. Two
	// replicas take the highest that both speak. One that speaks none of the other's is refused, by
	// gossip and on links, with a line in the log of both.
	//
	// Gossip compares ranges over all members at once, and the version in use must be within
	// each of them. So a release that adds a version goes on naming the old one in use, and the old
	// one is given up by the release after it.
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
