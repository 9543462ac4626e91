package load

import "github.com/wamp-operator/wamp-operator/test/chaos/history"

// known is what is known of the callees of a lane. The zero value is ready for use.
type known struct {
	callees map[int64]registered
	trouble map[string]int64 // until when a replica was in trouble; history.Never while it is
}

type registered struct {
	replica string
	since   int64 // when REGISTERED was read
}

func (k *known) add(op history.Op) {
	switch op.Kind {
	case history.Register:
		if k.callees == nil {
			k.callees = map[int64]registered{}
		}
		k.callees[op.Callee] = registered{op.Replica, op.End}
	case history.Unregister:
		delete(k.callees, op.Callee)
	case history.Trouble:
		if k.trouble == nil {
			k.trouble = map[string]int64{}
		}
		k.trouble[op.Replica] = op.End
	}
}

// certain tells whether a callee was there, and could be reached, from start until now.
func (k *known) certain(start int64) bool {
	for _, c := range k.callees {
		if until, ever := k.trouble[c.replica]; c.since < start && (!ever || until < start) {
			return true
		}
	}
	return false
}
