package cluster

import "slices"

// Reroute takes back a call that was delivered to a callee here, which says that it is not
// available (WAMP advanced profile, "Call Rerouting"), and finds another. The delivery must own
// what it points to.
func (r *Realm) Reroute(d *Delivery) {
	x := r.node.calls
	if c, ok := d.Caller.(*remoteCaller); ok {
		c.forget()
		x.reply(c.to, &frame{
			kind: frameRefused, reason: refusedUnavailable, call: c.call, procedure: uint64(d.Registration), stamp: d.Stamp,
			text: d.URI, flags: d.Flags, timeout: d.Timeout, skips: packSkips(&skip{tried: d.Tried}), details: d.Details, Payload: d.Payload,
		})
		return
	}
	route := &routing{
		procedure: d.Registration, realm: r.name, uri: d.URI, pattern: d.URI != "", caller: d.Caller, details: d.Details,
		payload: d.Payload, flags: d.Flags &^ Queue, timeout: d.Timeout,
		skip: skip{random: x.random, tried: append(slices.Clip(d.Tried), d.Stamp)},
	}
	if x.route(route) != nil {
		x.later(route)
	}
}
