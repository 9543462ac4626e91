// Package judge decides whether what clients saw of a cluster is what it promises. It looks at
// histories alone (package history) and knows nothing of the cluster: what it cannot tell from what
// clients sent and read, it does not hold against it.
//
//   - Rotation: P2, one rotation, for one procedure and one caller; online, for millions of calls.
//   - Spread: the difference of calls received between callees.
//   - Linearizable: P1 to P3 for many procedures with a short history each, with porcupine.
package judge
