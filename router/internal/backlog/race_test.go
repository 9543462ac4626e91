//go:build race

package backlog

// raceEnabled: under the race detector pools drop what is put into them, now and then.
const raceEnabled = true
