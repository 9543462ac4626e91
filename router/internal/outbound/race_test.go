//go:build race

package outbound

// raceEnabled: under the race detector pools drop what is put into them, now and then.
const raceEnabled = true
