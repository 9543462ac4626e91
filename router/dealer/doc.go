// Package dealer is the callee's and the caller's side of RPC for the sessions of one replica:
// it turns REGISTER, UNREGISTER, CALL, YIELD and ERROR into requests to the cluster, and what
// the cluster decides into REGISTERED, INVOCATION, RESULT and ERROR. Who gets a call is not
// decided here but in router/cluster.
//
// A call touches its caller's [Peer], its callee's Peer and nothing else: there is no lock or
// goroutine that calls share. What holds for the messages that a client sees:
//
//   - REGISTERED comes before the first INVOCATION of the registration, and no INVOCATION comes
//     after UNREGISTERED (registrations.go);
//   - every INVOCATION that was written ends in exactly one answer to its caller, at the latest
//     when the callee's session ends (callee.go);
//   - every CALL ends in exactly one RESULT or ERROR (caller.go).
package dealer
