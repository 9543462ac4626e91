package cluster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// frame is what replicas say to one another on their links for calls. The payload is in the
// format of whoever produced it, and is not looked into on the way.
type frame struct {
	// via is where the frame came in, or what it is sent because of; nil when that is not read by
	// this goroutine. It is not sent along.
	via    *backlog.Via
	kind   frameKind
	reason refusal // of a frameRefused
	// progress marks an answer that others will follow.
	progress bool
	// lost marks an answer that stands for a callee that was lost, see Answer.Lost.
	lost  bool
	flags CallFlags
	// timeout of a call, in milliseconds.
	timeout uint32
	// call is the number of the call at its origin, the caller's replica; the publication
	// id of an event; the number of a fence.
	call uint64
	// origin is the caller's replica, by member.hash.
	origin    uint64
	procedure uint64
	// stamp is the callee; when an event was published.
	stamp uint64
	epoch uint64
	seq   uint64
	realm string // of an event
	// text is the topic of an event, the error URI of an answer or of a cancellation, and the
	// procedure that was called when it is not the one that was registered (for patterns).
	text string
	wamp.Payload
	details wamp.Dict
	options wamp.Dict // of an event
	// skips are the callees that a call passes over, as packSkips wrote them.
	skips []byte
}

type frameKind uint8

const (
	frameCall      frameKind = iota + 1 // caller's replica to callee's: a call for this callee
	frameDeal                           // caller's replica to owner: choose a callee and pass the call on
	frameTurn                           // owner to callee's replica: a turn of a rotation
	frameRouted                         // owner to caller's replica: passed on to the member in origin
	frameRefused                        // to caller's replica: not delivered; the call comes back whole
	frameAnswer                         // callee's replica to caller's: RESULT or ERROR
	frameEvent                          // publisher's replica to one with subscribers
	frameLost                           // the sender's links to the member in origin broke
	frameHeld                           // asks which calls of the sender's callers the receiver holds
	frameHolds                          // answers that
	frameCancel                         // caller's replica to where a call went: interrupt the callee
	frameMore                           // caller's replica to callee's: a further piece of a progressive call
	frameTaken                          // answers frameMore, and the call it belongs to: the next piece may come
	frameRoom                           // caller's replica to callee's: the caller has taken seq bytes of progressive results
	frameCrowded                        // the sender has a subscriber of the topic that is slow to take its events
	frameUncrowded                      // that is over
	frameKeep                           // an event that the sender keeps, for a replica that asked
	frameFence                          // answered by frameFenced when all before it was handled
	frameFenced
)

// refusal says why a call was not delivered. Nothing was written to a callee, so choosing
// again is safe.
type refusal uint8

const (
	refusedGone        refusal = iota + 1 // the callee is not there any more
	refusedBusy                           // no callee has room
	refusedStale                          // the turn is of an owner that was replaced
	refusedNotOwner                       // the owner is another, or not there yet
	refusedNone                           // the owner knows no callee
	refusedLimit                          // the callee has as many invocations as its concurrency allows
	refusedUnavailable                    // the callee answered that it is not available
	refusedAll                            // every callee answered that it is not available
)

// What an answer is marked with.
const (
	markProgress = 1 << iota
	markLost
)

const frameHeader = 1 + 1 + 1 + 1 + 1 + 1 + 6*8

var errFrame = errors.New("frame is cut short or has lengths that do not fit")

// frameSize is about how long appendFrame makes a frame, and not less.
func frameSize(f *frame) int {
	return frameHeader + 8*binary.MaxVarintLen32 + len(f.realm) + len(f.text) + len(f.details.Raw) + len(f.options.Raw) +
		len(f.skips) + len(f.Args) + len(f.Kwargs)
}

// appendFrame encodes a frame, without the length that goes before it on a link.
func appendFrame(dst []byte, f *frame) []byte {
	var marks byte
	if f.progress {
		marks |= markProgress
	}
	if f.lost {
		marks |= markLost
	}
	dst = append(dst, byte(f.kind), byte(f.reason), marks, byte(f.Format),
		byte(f.details.Format)|byte(f.options.Format)<<4, byte(f.flags))
	for _, v := range [...]uint64{f.call, f.origin, f.procedure, f.stamp, f.epoch, f.seq} {
		dst = binary.BigEndian.AppendUint64(dst, v)
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(f.realm))), f.realm...)
	dst = append(binary.AppendUvarint(dst, uint64(len(f.text))), f.text...)
	dst = binary.AppendUvarint(dst, uint64(f.timeout))
	dst = appendOptional(dst, f.details.Raw)
	dst = appendOptional(dst, f.options.Raw)
	dst = appendOptional(dst, f.skips)
	dst = appendOptional(dst, f.Args)
	return appendOptional(dst, f.Kwargs)
}

// appendOptional tells nil, which is absent, from empty.
func appendOptional(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(b))+1), b...)
}

// parseFrame reads what appendFrame wrote. Details and payload alias b.
func parseFrame(b []byte, f *frame) error {
	if len(b) < frameHeader {
		return errFrame
	}
	*f = frame{kind: frameKind(b[0]), reason: refusal(b[1]), progress: b[2]&markProgress != 0, lost: b[2]&markLost != 0, flags: CallFlags(b[5])}
	f.Format, f.details.Format, f.options.Format = wamp.Format(b[3]), wamp.Format(b[4]&15), wamp.Format(b[4]>>4)
	if f.Format > wamp.CBOR || f.details.Format > wamp.CBOR || f.options.Format > wamp.CBOR {
		return errFrame
	}
	for i, v := range [...]*uint64{&f.call, &f.origin, &f.procedure, &f.stamp, &f.epoch, &f.seq} {
		*v = binary.BigEndian.Uint64(b[6+8*i:])
	}
	r := frameReader{b: b[frameHeader:]}
	f.realm = string(r.bytes(false))
	f.text = string(r.bytes(false))
	f.timeout = r.uint32()
	f.details.Raw = r.bytes(true)
	f.options.Raw = r.bytes(true)
	f.skips = r.bytes(true)
	f.Args = r.bytes(true)
	f.Kwargs = r.bytes(true)
	if r.bad || len(r.b) != 0 {
		return errFrame
	}
	return nil
}

// own copies a frame with what it borrowed, so that another goroutine can send it.
func (f *frame) own() *frame {
	c := *f
	c.via = nil
	c.details, c.options, c.Payload = f.details.Clone(), f.options.Clone(), f.Clone()
	c.skips = bytes.Clone(f.skips)
	return &c
}

type frameReader struct {
	b   []byte
	bad bool
}

func (r *frameReader) uint32() uint32 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > math.MaxUint32 {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return uint32(n)
}

func (r *frameReader) bytes(optional bool) []byte {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad = true
		return nil
	}
	r.b = r.b[size:]
	if optional {
		if n == 0 {
			return nil
		}
		n--
	}
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}
