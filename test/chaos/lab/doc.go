// Package lab runs the replicas of a cluster as processes, each in a network namespace of its own, and
// breaks the network between them, and them.
//
// A replica has two interfaces. By wamp0, a TUN device, it reaches the other replicas: what it sends
// there is read by this process, which is the switch between them and does with each packet what the
// rule for this sender and receiver says. By a veth pair it is reached by clients, which are in a
// namespace of their own, too; no rule touches that. Nothing of it needs a kernel module beyond tun and
// veth, and nothing is visible outside: the namespaces have no names, no way out, and are gone with the
// processes that are in them, however these end.
package lab
