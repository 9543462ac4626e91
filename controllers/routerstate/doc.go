// Package routerstate reads the admin streams of router pods and folds them into one picture of
// each cluster: which replica serves what, and which callees a procedure has.
//
// A goroutine a router keeps one stream open and connects again when it breaks. Folding is pure:
// lines in, what changed out. Whoever wants to know subscribes; nothing is polled.
//
// What must hold: a router is the authority on the callees that are connected to it; what the
// others say about these counts only while it is not heard. And nothing is concluded from silence
// that the operator itself brought about: until a cluster has been heard once, it is Unheard.
package routerstate
