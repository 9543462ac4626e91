// Package procedure reconciles a WampProcedure: it writes nothing but its status, which says what
// became of the declaration and who its callees are.
//
// What must hold: status is written when something in it changes and never for a call, and a
// change of one procedure wakes no other.
package procedure
