// Package meta is the WAMP meta API: the procedures and topics beginning with wamp. with which
// clients look at sessions, registrations and subscriptions, and interfere with them (WAMP advanced
// profile, "Meta API").
//
// Procedures are answered from what this replica knows of the whole cluster, so any replica gives
// the same answer; what they do to a session is done by the replica that it is connected to. Each
// replica tells its own subscribers what changed, so that each learns of each change once, in order.
package meta
