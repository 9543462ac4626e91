package cluster

import "encoding/binary"

// Why a callee is passed over, in the two highest bits of its stamp on the way to the owner; a
// stamp is microseconds since 1970 and does not reach that far.
const (
	skipGone = iota
	skipTried
	skipLimited
	skipBusy
	skipShift = 62
)

// packSkips encodes which callees a call passes over.
func packSkips(s *skip) []byte {
	if len(s.gone)+len(s.tried)+len(s.limited)+len(s.busy) == 0 {
		return nil
	}
	var b []byte
	for why, stamps := range [...][]uint64{skipGone: s.gone, skipTried: s.tried, skipLimited: s.limited, skipBusy: s.busy} {
		for _, stamp := range stamps {
			b = binary.BigEndian.AppendUint64(b, stamp|uint64(why)<<skipShift)
		}
	}
	return b
}

// unpack reads what packSkips wrote.
func (s *skip) unpack(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		v := binary.BigEndian.Uint64(b)
		stamp := v &^ (3 << skipShift)
		switch v >> skipShift {
		case skipGone:
			s.gone = append(s.gone, stamp)
		case skipTried:
			s.tried = append(s.tried, stamp)
		case skipLimited:
			s.limited = append(s.limited, stamp)
		case skipBusy:
			s.busy = append(s.busy, stamp)
		}
	}
}
