// Package broker is publish and subscribe for the sessions of one replica. Subscriptions are
// local; the cluster is told which topics have a subscriber here, and forwards the events of
// other replicas for these.
//
// Events of one publisher reach a subscriber in the order in which they were published: each is
// written to every subscriber before the publisher's next message is read. A client gets no
// EVENT before its SUBSCRIBED and none after its UNSUBSCRIBED.
package broker
