//go:build !race

package cluster

const simDefaultSeeds = 300
