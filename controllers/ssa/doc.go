// Package ssa writes objects by server-side apply: one field owner for what the operator wants,
// another for status, and nothing written that is not different.
package ssa
