//go:build race

package cluster

// The simulation runs in one goroutine, in which the race detector finds nothing and takes ten
// times as long.
const simDefaultSeeds = 15
