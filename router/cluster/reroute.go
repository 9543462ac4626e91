package cluster

import "slices"

// Reroute takes back a call that was delivered to a callee here, which says that it is not
// available (WAMP advanced profile, "Call Rerouting"), and finds another. The delivery must own
// what it points to.
func (r *Realm) Reroute(d *Delivery) { r.takeBack(d, refusedUnavailable) }

// Return takes back a call that waited for a callee here and that it will not get: the callee is
// leaving. As nothing was delivered, the call is as good as new. The delivery must own what it points
// to.
func (r *Realm) Return(d *Delivery) { r.takeBack(d, refusedGone) }

func (r *Realm) takeBack(d *Delivery, why refusal) {
	x := r.node.calls
	if c, ok := d.Caller.(*remoteCaller); ok {
		c.forget()
		x.reply(c.to, &frame{
			kind: frameRefused, reason: why, call: c.call, procedure: uint64(d.Registration), stamp: d.Stamp, text: d.URI,
			flags: d.Flags &^ Queue, timeout: d.Timeout, skips: packSkips(&skip{tried: d.Tried}), details: d.Details, Payload: d.Payload,
		})
		return
	}
	route := &routing{
		procedure: d.Registration, realm: r.name, uri: d.URI, pattern: d.URI != "", caller: d.Caller, details: d.Details,
		payload: d.Payload, flags: d.Flags &^ Queue, timeout: d.Timeout, skip: skip{random: x.random, tried: slices.Clip(d.Tried)},
		lost: d.lost, held: d.held,
	}
	if route.uri == "" {
		route.uri = d.called
	}
	if why == refusedGone {
		route.skip.gone = []uint64{d.Stamp}
	} else {
		route.skip.tried = append(route.skip.tried, d.Stamp)
	}
	if w := x.route(route); w != nil {
		x.aside(route, w)
	}
}
