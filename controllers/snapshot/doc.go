// Package snapshot decides which realms and procedures a cluster serves, compiles them into the
// documents that its routers read, and remembers what was published.
//
// What must hold: the same objects give the same snapshot, byte for byte; an object that is
// refused changes nothing for the others; and of two objects that say something about the same
// thing the older one stays, whatever order they are seen in. What stands in a Secret goes into the
// credentials and nowhere else: not into a message, a status, a log or the snapshot.
package snapshot
