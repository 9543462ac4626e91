// Package load keeps a cluster under constant load and keeps the books: every call, how it ended, and
// whether it went where it had to go.
//
// Lanes judge the rotation. A lane is one roundrobin procedure with callees at several replicas and one
// caller with one call in flight, so that the order of its calls is known exactly; hundreds of them
// share the connections of a few clients. Each callee answers with the number of its registration, and a judge
// follows each lane while it runs (judge.Rotation). Callees also note the number of each call,
// so that one that is delivered twice is found out.
//
// Churn (churn.go) makes short histories of procedures of every policy, for judge.Linearizable. A
// Standby (standby.go) measures how soon another callee takes over.
package load
