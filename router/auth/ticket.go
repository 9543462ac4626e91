package auth

import (
	"crypto/sha256"
	"crypto/subtle"
)

// ticketKey is a ticket, hashed so that tickets of all lengths are compared in the same time.
type ticketKey struct{ digest [keySize]byte }

// proveTicket follows the WAMP advanced profile, "Ticket-based Authentication".
func proveTicket(a *Attempt, p *principal) (bool, error) {
	ticket, _, err := a.Challenge(Ticket, map[string]any{})
	if err != nil {
		return false, err
	}
	digest := sha256.Sum256([]byte(ticket))
	return subtle.ConstantTimeCompare(digest[:], p.ticket.digest[:]) == 1, nil
}
