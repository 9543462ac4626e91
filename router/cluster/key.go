package cluster

import (
	"github.com/cespare/xxhash/v2"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// slotCount is the number of slots that procedures are hashed to. Ownership moves by slot, so
// it bounds both the size of a claim and how evenly members share the work.
const slotCount = 1024

type slotID uint16

// MemberID is the name of a member of the cluster for one run of its process: the replica's
// name and a random boot id. It is used once, a restart is a new member.
type MemberID string

// RegistrationID gives the registration id of a procedure. It is a hash of the key, so it is
// the same on every replica, for every callee, and after a split of the cluster has healed.
func RegistrationID(realm string, match Match, uri string) wamp.ID {
	return hashID('r', realm, match, uri)
}

// SubscriptionID gives the subscription id of a topic or pattern, the same on every replica.
func SubscriptionID(realm string, match Match, topic string) wamp.ID {
	return hashID('s', realm, match, topic)
}

// hashID maps a key to 1..2^53, the range of WAMP ids. Among 100,000 keys the chance that
// any two share an id is below 10^-6; the owner refuses a REGISTER that would.
func hashID(kind byte, realm string, match Match, uri string) wamp.ID {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write([]byte{kind, byte(match)})
	_, _ = d.WriteString(realm)
	_, _ = d.Write([]byte{0})
	_, _ = d.WriteString(uri)
	return wamp.ID(d.Sum64()&(1<<53-1) | 1)
}

func slotOf(id wamp.ID) slotID { return slotID(uint64(id) >> 3 % slotCount) }

// hashOf is the hash of a member's name.
func hashOf(id MemberID) uint64 { return xxhash.Sum64String(string(id)) }

// score is the weight of a member, by the hash of its name, for a slot in rendezvous hashing (Thaler
// and Ravishankar, 1998): the member with the highest is the slot's candidate owner. When members come
// or go only the slots that they win or leave move. The mixing is that of SplitMix64 (Steele, Lea and
// Flood, 2014).
func score(member uint64, s slotID) uint64 {
	x := member + (uint64(s)+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
