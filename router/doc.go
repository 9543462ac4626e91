// Package router puts one replica together: the port for clients (transport, session), dealer
// and broker of each realm, its part of the cluster, what it serves (config, auth), and the
// administration port. Several replicas can live in one process; nothing here is global.
//
// The way of a message: a connection's goroutine reads it (session), [Router.Join] gave the
// session a peer (peer.go), which hands it to dealer or broker, which ask router/cluster.
package router
