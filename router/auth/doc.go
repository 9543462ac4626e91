// Package auth decides who may join a realm and what a role may do there. What a WampRealm
// declares is compiled once, when it is loaded; a decision for a request is then a lookup or
// two without allocation.
//
// Nobody gets in where nothing is declared, and nothing is allowed that no permission allows.
package auth
