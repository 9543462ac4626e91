package cluster

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// message is what replicas say to one another on their control links. Messages between two
// members arrive in the order they were sent, or the link breaks.
type message interface{ kind() messageKind }

type messageKind uint8

const (
	kindGreet messageKind = iota + 1
	kindState
	kindLost
	kindDelta
	kindFull
	kindPull
	kindAck
	kindSeal
	kindSealed
	kindClaim
	kindPromise
	kindOwned
	kindAsk
	kindGrant
	kindReturn
	kindTell
	kindWant
	kindProbe
	kindProbed
	kindRevoke
	kindDeposed
)

// greet opens a link: what the sender has of the receiver's list, and what it is.
type greet struct {
	_     struct{} `cbor:",toarray"`
	Have  uint64
	State memberState
	// Linked are the other members that the sender has links with.
	Linked []MemberID
	Owned  []ownership
}

// state tells that the sender became ready or began to drain.
type stateChange struct {
	_     struct{} `cbor:",toarray"`
	State memberState
}

// lost tells that the sender has no link to a member any more, or has one again.
type lost struct {
	_      struct{} `cbor:",toarray"`
	Member MemberID
	Lost   bool
}

// listEntry is one line of a member's list. The stamp of a registration is its place, granted
// by the owner; that of another entry is when it was made. Both are in microseconds since 1970.
type listEntry struct {
	Key    listKey
	Stamp  uint64
	Invoke Policy
	Flags  RegistrationFlags
	Detail cbor.ByteString
}

// listKey names an entry in its member's list: a registration or subscription of one of its
// sessions, a session (without URI), or a testament (its number is the URI).
type listKey struct {
	_       struct{} `cbor:",toarray"`
	Kind    entryKind
	Realm   string
	URI     string
	Match   Match
	Session wamp.ID
}

type entryKind uint8

const (
	entryRegistration entryKind = iota
	entrySubscription
	entrySession
	entryTestament
)

// delta changes the sender's list from one version to a later one.
type delta struct {
	From   uint64
	To     uint64
	Add    []listEntry
	Remove []listKey
	wire   []byte // what encode made
}

// full is the sender's whole list.
type full struct {
	Version uint64
	Entries []listEntry
}

// pull asks for the receiver's whole list.
type pull struct {
	_ struct{} `cbor:",toarray"`
}

// ack confirms a version of the receiver's list: the sender routes by it.
type ack struct {
	_       struct{} `cbor:",toarray"`
	Version uint64
}

// seal asks the owner of slots to deal no more turns in them and to grant nothing.
type seal struct {
	_     struct{} `cbor:",toarray"`
	Claim uint64
	Slots slotSet
}

// sealed answers when every turn that was dealt has arrived.
type sealed struct {
	_     struct{} `cbor:",toarray"`
	Claim uint64
	Turns []turnRecord
}

// turnRecord is the last turn known of one procedure.
type turnRecord struct {
	_         struct{} `cbor:",toarray"`
	Procedure wamp.ID
	Epoch     uint64
	Seq       uint64
	Stamp     uint64
}

// claim asks every member to refuse owners of the slots with a lower epoch.
type claim struct {
	_     struct{} `cbor:",toarray"`
	Claim uint64
	Epoch uint64
	Slots slotSet
}

// promise answers a claim: the slots promised at this epoch or a higher one already, the
// version of the list that holds all the sender registered under lower epochs, and the
// last turns that it knows of.
type promise struct {
	_       struct{} `cbor:",toarray"`
	Claim   uint64
	Refused []ownership
	Version uint64
	Turns   []turnRecord
}

// ownership is an epoch of a slot.
type ownership struct {
	_     struct{} `cbor:",toarray"`
	Slot  slotID
	Epoch uint64
}

// owned tells which slots the sender is the acting owner of.
type owned struct {
	_     struct{} `cbor:",toarray"`
	Slots []ownership
}

// ask asks the owner for a place in the callee list of a procedure.
type ask struct {
	_      struct{} `cbor:",toarray"`
	Ask    uint64
	Key    listKey
	Invoke Policy
}

// grant answers: a stamp and the policy that holds, or a refusal. NotOwner: ask again, later
// or somebody else.
type grant struct {
	_        struct{} `cbor:",toarray"`
	Ask      uint64
	Key      listKey
	NotOwner bool
	Epoch    uint64
	Stamp    uint64
	Invoke   Policy
	Error    string
	Text     string
}

// giveBack tells the owner that a granted place will not be taken.
type giveBack struct {
	_   struct{} `cbor:",toarray"`
	Key listKey
}

// tell is a message about a session that is connected to the receiver, for its host.
type tell struct {
	_       struct{} `cbor:",toarray"`
	Realm   string
	Session wamp.ID
	Content []byte
}

// want asks for the events of a realm that the receiver keeps; they come on the link for calls.
type want struct {
	_     struct{} `cbor:",toarray"`
	Realm string
}

// probe is answered with probed, behind all that the receiver said before.
type probe struct {
	_     struct{} `cbor:",toarray"`
	Probe uint64
}

type probed struct {
	_     struct{} `cbor:",toarray"`
	Probe uint64
}

// revoke takes a registration off the receiver's list: an older callee has the procedure.
type revoke struct {
	_     struct{} `cbor:",toarray"`
	Key   listKey
	Stamp uint64
}

// deposed tells the receiver that the sender has promised slots, of which it says that it owns them,
// to somebody else.
type deposed struct {
	_     struct{} `cbor:",toarray"`
	Slots []ownership
}

func (*greet) kind() messageKind       { return kindGreet }
func (*stateChange) kind() messageKind { return kindState }
func (*lost) kind() messageKind        { return kindLost }
func (*delta) kind() messageKind       { return kindDelta }
func (*full) kind() messageKind        { return kindFull }
func (*pull) kind() messageKind        { return kindPull }
func (*ack) kind() messageKind         { return kindAck }
func (*seal) kind() messageKind        { return kindSeal }
func (*sealed) kind() messageKind      { return kindSealed }
func (*claim) kind() messageKind       { return kindClaim }
func (*promise) kind() messageKind     { return kindPromise }
func (*owned) kind() messageKind       { return kindOwned }
func (*ask) kind() messageKind         { return kindAsk }
func (*grant) kind() messageKind       { return kindGrant }
func (*giveBack) kind() messageKind    { return kindReturn }
func (*tell) kind() messageKind        { return kindTell }
func (*want) kind() messageKind        { return kindWant }
func (*probe) kind() messageKind       { return kindProbe }
func (*probed) kind() messageKind      { return kindProbed }
func (*revoke) kind() messageKind      { return kindRevoke }
func (*deposed) kind() messageKind     { return kindDeposed }

// appendMessage encodes a message: its kind, then CBOR, or for lists the format in entries.go.
func appendMessage(dst []byte, m message) ([]byte, error) {
	switch m := m.(type) {
	case *delta:
		m.encode()
		return append(append(dst, byte(kindDelta)), m.wire...), nil
	case *full:
		return m.append(append(dst, byte(kindFull))), nil
	}
	body, err := cbor.Marshal(m)
	if err != nil {
		return dst, fmt.Errorf("encoding %T: %w", m, err)
	}
	return append(append(dst, byte(m.kind())), body...), nil
}

// parseMessage reads what appendMessage wrote.
func parseMessage(b []byte) (message, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("empty control message")
	}
	var m message
	switch messageKind(b[0]) {
	case kindGreet:
		m = &greet{}
	case kindState:
		m = &stateChange{}
	case kindLost:
		m = &lost{}
	case kindDelta:
		return parseDelta(b[1:])
	case kindFull:
		return parseFull(b[1:])
	case kindPull:
		m = &pull{}
	case kindAck:
		m = &ack{}
	case kindSeal:
		m = &seal{}
	case kindSealed:
		m = &sealed{}
	case kindClaim:
		m = &claim{}
	case kindPromise:
		m = &promise{}
	case kindOwned:
		m = &owned{}
	case kindAsk:
		m = &ask{}
	case kindGrant:
		m = &grant{}
	case kindReturn:
		m = &giveBack{}
	case kindTell:
		m = &tell{}
	case kindWant:
		m = &want{}
	case kindProbe:
		m = &probe{}
	case kindProbed:
		m = &probed{}
	case kindRevoke:
		m = &revoke{}
	case kindDeposed:
		m = &deposed{}
	default:
		return nil, fmt.Errorf("control message of kind %d is not known", b[0])
	}
	if err := decoding.Unmarshal(b[1:], m); err != nil {
		return nil, fmt.Errorf("control message %T: %w", m, err)
	}
	return m, checkSlots(m)
}

// decoding allows the largest list that a member may hold.
var decoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{MaxArrayElements: 1 << 27}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

// checkSlots refuses slots that do not exist, which a member of this version never sends.
func checkSlots(m message) error {
	var list []ownership
	switch m := m.(type) {
	case *greet:
		list = m.Owned
	case *owned:
		list = m.Slots
	case *promise:
		list = m.Refused
	case *deposed:
		list = m.Slots
	}
	for _, o := range list {
		if o.Slot >= slotCount {
			return fmt.Errorf("%T names slot %d, there are %d", m, o.Slot, slotCount)
		}
	}
	return nil
}
