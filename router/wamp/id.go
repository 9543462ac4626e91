package wamp

import (
	"math/rand/v2"
	"sync/atomic"
)

// RandomID is an id in the global scope: uniform over 1 to 2^53 (WAMP basic profile, "IDs").
// It comes from the runtime's ChaCha8 generator, which the operating system seeds; it is
// safe for concurrent use. Ids are names, not secrets.
func RandomID() ID { return ID(rand.Uint64N(uint64(MaxID))) + 1 }

// Sequence hands out ids in the session scope: 1, 2, 3 and so on, and 1 again after 2^53. The
// zero Sequence is ready. It is safe for concurrent use.
type Sequence struct{ last atomic.Uint64 }

// Next returns the next id.
func (s *Sequence) Next() ID { return ID((s.last.Add(1)-1)%uint64(MaxID)) + 1 }
