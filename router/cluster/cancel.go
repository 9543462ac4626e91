package cluster

import "github.com/wamp-operator/wamp-operator/router/wamp"

// Cancel interrupts a call at its callee on another replica, by the number that Caller.Sent told
// last. Except with Kill no answer is expected any more. A call that is held, or on its way, and that
// nobody has got, ends here: with Kill it is answered.
func (r *Realm) Cancel(call uint64, i *Interruption) {
	if !r.node.calls.cancelAt(call, i) && i.Mode == Kill {
		answerError(i.Caller, i.Reason, "the call was canceled before a callee got it")
	}
}

// cancelAt sends the cancellation the way that the call went: to the owner that passed it on, if
// one did, so that it does not overtake the call. False when this replica has no such call out.
func (x *calls) cancelAt(call uint64, i *Interruption) bool {
	var c openCall
	var ok bool
	if i.Mode == Kill {
		c, ok = x.open.get(call)
	} else {
		c, ok = x.open.take(call)
	}
	if !ok {
		x.holds.remove(call)
		return false
	}
	f := frame{
		kind: frameCancel, call: call, origin: x.self.hash, procedure: uint64(c.procedure), seq: uint64(i.Mode), text: i.Reason,
	}
	if c.via != nil {
		c.via.send(&f)
	} else {
		c.at.send(&f)
	}
	return true
}

// onCancel interrupts the callee, if it is here; the owner of a rotation, who does not keep where
// the calls are that it passed on, passes the cancellation on to all who may have the call.
func (x *calls) onCancel(from *member, f *frame) {
	origin := x.table.member(f.origin)
	if origin == nil {
		return
	}
	i := &Interruption{
		Caller: &remoteCaller{x: x, to: origin, call: f.call}, Mode: CancelMode(f.seq), Reason: f.text,
	}
	if i.Mode != Kill { // no answer will come that would end these
		defer func() {
			x.progressive.delete(progressKey{origin, f.call})
			x.streams.delete(progressKey{origin, f.call})
		}()
	}
	p, ok := x.table.byID.get(wamp.ID(f.procedure))
	if ok && x.interrupt(p, i) || x.interruptPending(i) || !ok || from != origin {
		return
	}
	told := map[*member]bool{x.self: true, origin: true}
	for _, e := range p.load().entries {
		if !told[e.member] {
			told[e.member] = true
			e.member.send(f)
		}
	}
}

// interrupt asks the callees of a procedure that are here.
func (x *calls) interrupt(p *procedure, i *Interruption) bool {
	for _, e := range p.load().entries {
		if e.callee != nil && e.callee.Interrupt(i) {
			return true
		}
	}
	return false
}

// interruptPending looks for a callee that has left the list since it got the call.
func (x *calls) interruptPending(i *Interruption) (found bool) {
	x.pending(func(callee Callee, caller Caller) {
		if !found && SameCall(caller, i.Caller) {
			found = callee.Interrupt(i)
		}
	})
	return found
}
