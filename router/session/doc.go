// Package session is one connected peer: its handshake, the order of its messages, and its end.
// What a message that is in order means is up to the [Peer] that the router gives to the
// session: dealer and broker.
//
// The rules of the protocol are in [Protocol], which does no I/O: it takes a message and says
// what to do. [Session] drives it with a connection. One goroutine reads the connection and
// runs everything that the peer asks for, so requests of one session are handled in order.
// A message out of order ends that session with ABORT and nothing else.
package session
