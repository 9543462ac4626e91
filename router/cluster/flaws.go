package cluster

// flaw switches off one of the mechanisms that keep the promises. Only a test sets one, in a
// table that nothing runs on yet: it shows that the simulation notices what the mechanism is for.
type flaw uint8

const (
	flawNone         flaw = iota
	flawNoFence           // turns and grants of replaced owners are taken
	flawCursorReset       // a new owner begins the rotation anew
	flawNoPull            // a gap in a list is not filled
	flawNoRejoin          // addresses of members that were lost are not tried again
	flawReusedName        // a member comes back under the name that it had
	flawNoAcks            // REGISTERED does not wait for the other replicas
	flawNoLease           // an owner in the minority goes on dealing and granting
	flawNoRevocation      // two callees of a single procedure both stay after a split healed
	flawNoWitness         // a member is given up although another one reaches it
)
