// Package broker is publish and subscribe for the sessions of one replica. The cluster is told of
// every subscription, and forwards the events that other replicas publish for them.
//
// Events of one publisher reach a subscriber in the order in which they were published: each is
// written to every subscriber before the publisher's next message is read. A client gets no
// EVENT before its SUBSCRIBED and none after its UNSUBSCRIBED; retained events come in between,
// before all later ones. An event that matches several subscriptions of a session is sent once
// for each.
//
// Who may receive an event is decided where the receiver is connected: the publisher's wishes
// travel with the event, and the subscribers to a pattern get only events on topics that their
// role may subscribe to.
//
// Events that are kept (retained ones, and the history of topics) are kept on every replica, in
// bounded memory, and not on disk.
package broker
