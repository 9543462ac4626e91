// Package realm reconciles a WampRealm: it writes nothing but its status, which says what became
// of the declaration.
package realm
