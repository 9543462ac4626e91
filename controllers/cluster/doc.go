// Package cluster reconciles a WampCluster: the objects that it owns, the snapshot that its
// routers serve, and its status.
//
// One pass is a list of phases over a scope. Status is computed at the end, whatever happened
// before, by one pure function a condition, and written once if it is different.
//
// What must hold: nothing here stands in a call's way; with the operator gone routers go on with
// what they have; and nothing but a change of image, listener or pod shape restarts a router.
package cluster
