package cluster

// Again routes a call of a procedure that is declared idempotent once more, after an answer that was
// marked as Lost. It never blocks, and may be called from any goroutine; c and what it points to must
// stay as they are until the call has ended. The turn of a rotation that the lost callee had is used:
// the call takes the next. When no callee takes it within 10 s, the answer is wamp.error.canceled,
// since the callee that was lost may have executed the call.
func (r *Realm) Again(c *Call) {
	route := r.routing(c)
	if w := r.node.calls.route(&route); w != nil {
		r.node.calls.aside(&route, w)
	}
}

// foretell lets the caller's dealer know that the procedure is declared idempotent, when the call
// goes to the owner because no callee is known here: nobody else will.
func (x *calls) foretell(r *routing) {
	if r.describe == nil {
		return
	}
	if d := x.table.declaration(ProcedureKey{Realm: r.realm, Match: Exact, URI: r.uri}); d != nil && d.Idempotent {
		r.describe.Describe(r.describe, Idempotent)
	}
}
