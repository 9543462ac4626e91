// Package scenario breaks a cluster that is under load, in one way each, and says what came of it.
package scenario
