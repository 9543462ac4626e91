// Package dealer is the callee's and the caller's side of RPC for the sessions of one replica:
// it turns REGISTER, UNREGISTER, CALL, CANCEL, YIELD and ERROR into requests to the cluster, and
// what the cluster decides into REGISTERED, INVOCATION, INTERRUPT, RESULT and ERROR. Who gets a
// call is not decided here but in router/cluster.
//
// A call touches its caller's [Peer], its callee's Peer and nothing else: there is no lock or
// goroutine that calls share. What holds for the messages that a client sees:
//
//   - REGISTERED comes before the first INVOCATION of the registration, and no first INVOCATION
//     of a call comes after UNREGISTERED (registrations.go);
//   - every INVOCATION that was written ends in exactly one final answer to its caller, at the
//     latest when the callee's session ends (callee.go), or in an INTERRUPT when no answer is
//     wanted any more (cancel.go);
//   - every CALL ends in exactly one final RESULT or ERROR, and nothing comes after it
//     (caller.go, progress.go).
//
// A session's own calls are a ring that belongs to the goroutine that reads its connection, so
// that calls need no lock of their caller; a call that ends elsewhere only says so, and makes
// room for the next one (ring.go). Where a call is, for those that end early, is in place.go.
//
// What a call does not use costs it nothing: options are read only where there are some, timers
// and a lock exist only for calls with a timeout or with progressive results, and a copy of a
// call is kept only for callees that may hand it back.
package dealer
