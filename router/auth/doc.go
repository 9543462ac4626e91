// Package auth decides who may join a realm and what a role may do there. What a WampRealm
// declares is compiled once, when it is loaded; a decision for a request is then a lookup or
// two without allocation.
//
// Nobody gets in where nothing is declared, and nothing is allowed that no permission allows.
//
// Somebody who guesses learns nothing but yes or no. A name that nobody has is given a decoy: a
// principal like the others of the realm, with a salt that is the same each time, whose secret
// nobody knows. It goes through the same steps, and the refusal has the same words. Comparisons
// of secrets take the same time whatever they compare. Secrets stand in no error and no log.
package auth
