// Package secrets watches the Secrets that realms refer to, each by its name: the operator sees no
// other Secret, keeps none in a cache, and of those that it watches it gets the metadata only. What
// is in one is read when it is needed.
//
// What must hold: whatever happens to a Secret that is watched is told after it happened, also what
// happened while a watch was broken. It may be told more than once.
package secrets
