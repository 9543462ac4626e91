// Package client is a small and fast WAMP client for load under faults: RawSocket and MessagePack, many
// calls in flight on one connection, no goroutine for a call. It behaves as good clients do: it comes
// back after a connection was lost, on the next replica of a list, after a while that grows and is
// not the same for all; and when a router says GOODBYE it makes no further call there, hears the
// answers to its calls, and is at another replica already.
//
// Nothing is hidden: each call ends in exactly one Answer, which tells apart what the router answered
// from what was lost with the connection.
package client
