package transport

// frameKind is what a frame is for, in either transport.
type frameKind uint8

const (
	frameData frameKind = iota
	frameContinued
	framePing
	framePong
	frameClose
	frameDeflated // only to send: a data frame whose message is compressed
)

// frame is a parsed frame header.
type frame struct {
	kind   frameKind
	fin    bool // last frame of its message
	masked bool
	// deflated: the message is compressed (permessage-deflate).
	deflated bool
	mask     [4]byte
	header   int // bytes
	length   int // bytes of payload
}

// framing is what the two transports differ in once the handshake is done.
type framing interface {
	// parse reads the header at the start of b into f; ok is false when b is too short to tell.
	// Lengths above the limit and anything the transport forbids are a *ProtocolError.
	parse(b []byte, f *frame) (ok bool, err error)
	// headerSize is the size of the header of a frame with n bytes of payload.
	headerSize(n int) int
	// seal writes the header into the first bytes of b; what follows it is the payload,
	// which is masked where the transport asks for it.
	seal(b []byte, kind frameKind, payload int)
	// maxPayload is the largest payload that the peer takes.
	maxPayload() int
}
