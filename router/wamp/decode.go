package wamp

import "strconv"

// Decode reads one frame into m, which it overwrites. URI, Text, Dict.Raw and the payload
// alias the frame: they live as long as the frame's bytes are left alone.
//
// All of the frame is checked: it is one well-formed list and nothing more, its elements are
// those of its message type, ids are 1 to [MaxID], options, details and ArgumentsKw have
// strings as keys, all strings are UTF-8, and nothing is nested deeper than [MaxDepth]. A
// null in place of Arguments or ArgumentsKw counts as absent. URIs are not checked: which
// form is allowed depends on the request ([ValidURI], [ValidPattern]).
//
// The error is a *[DecodeError]. Decode does not panic and does not allocate, unless a string
// in the head is escaped (JSON) or in chunks (CBOR).
func Decode(f Format, frame []byte, m *Message) error {
	*m = Message{}
	s := f.syntax()
	if s == nil {
		return &DecodeError{Format: f, Reason: "no such serialization"}
	}
	d := decoder{syntax: s, format: f, b: frame}
	if d.message(m) {
		return nil
	}
	return &DecodeError{Format: f, Type: m.Type, Offset: d.at, Reason: d.reason()}
}

// decoder is where Decode stands in a frame. A method that returns false has set at and why.
type decoder struct {
	syntax
	format Format
	b      []byte
	at     int
	state  int // of the message's own list
	field  field
	why    string
	bad    uint64 // the number that why complains about, if it does
}

const (
	whyNoMessage = "no such message type: "
	whyBadOf     = "an ERROR cannot answer "
	whyBadID     = "ids are 1 to 9007199254740992, not "
	whyMissing   = "is missing"
	whyTooMany   = "the message has more elements than its type allows"
	whyTrailing  = "something follows the end of the message"
)

// reason puts the fault in words. It is apart so that finding a fault stays cheap.
func (d *decoder) reason() string {
	why := d.why
	switch why {
	case whyNoMessage, whyBadOf, whyBadID:
		why += strconv.FormatUint(d.bad, 10)
	case whyMissing:
		return fieldNames[d.field] + " is missing"
	}
	if d.field != 0 {
		return fieldNames[d.field] + ": " + why
	}
	return why
}

func (d *decoder) message(m *Message) bool {
	var t uint64
	var more bool
	if d.at, d.state, d.why = d.enter(d.b, jsonStart(d.format, d.b), kindArray); d.why != "" {
		return false
	}
	if more = d.more(); !more {
		d.why = orElse(d.why, "the message type is missing")
		return false
	}
	if t, d.at, d.why = d.uint(d.b, d.at); d.why != "" {
		return false
	}
	l := layoutOf(t)
	if l == nil {
		d.why, d.bad = whyNoMessage, t
		return false
	}
	m.Type = MessageType(t)
	for _, d.field = range l.fields {
		if !d.more() {
			d.why = orElse(d.why, whyMissing)
			return false
		}
		if !d.readField(m) {
			return false
		}
	}
	d.field = 0
	if more = d.more(); more && l.dict {
		if m.Dict.Raw, more = d.raw(kindMap); d.why != "" {
			return false
		}
		m.Dict.Format = d.format
	}
	if more && l.payload && !d.payload(m, &more) {
		return false
	}
	return d.finish(more)
}

// payload reads Arguments and ArgumentsKw; the message's list stands on Arguments.
func (d *decoder) payload(m *Message, more *bool) bool {
	m.Payload.Format = d.format
	if m.Payload.Args, *more = d.raw(kindArray); d.why != "" {
		return false
	}
	if *more {
		m.Payload.Kwargs, *more = d.raw(kindMap)
	}
	return d.why == ""
}

// finish checks that nothing is left.
func (d *decoder) finish(more bool) bool {
	if d.why != "" {
		return false
	}
	if more {
		d.why = whyTooMany
		return false
	}
	if d.at = d.end(d.b, d.at); d.at != len(d.b) {
		d.why = whyTrailing
		return false
	}
	return true
}

// more moves to the next element of the message's list.
func (d *decoder) more() bool {
	var more bool
	d.at, d.state, more, d.why = d.step(d.b, d.at, d.state)
	return more && d.why == ""
}

// raw takes the list or dictionary at the current place, nil for a null, and moves to the
// next element.
func (d *decoder) raw(k kind) (raw []byte, more bool) {
	start, got := d.at, d.kindAt(d.b, d.at)
	switch {
	case got == kindNull:
		d.at, d.why = d.skip(d.b, d.at, 0)
	case k == kindMap:
		d.at, d.why = skipMap(d.syntax, d.b, d.at, MaxDepth)
		raw = d.b[start:d.at:d.at]
	default:
		d.at, d.why = skipArray(d.syntax, d.b, d.at, MaxDepth)
		raw = d.b[start:d.at:d.at]
	}
	if d.why != "" {
		return nil, false
	}
	return raw, d.more()
}

// readField reads the element at the current place into the part of m that d.field names.
func (d *decoder) readField(m *Message) bool {
	var id uint64
	switch d.field {
	case fieldURI:
		m.URI, d.at, d.why = d.str(d.b, d.at)
		return d.why == ""
	case fieldText:
		m.Text, d.at, d.why = d.str(d.b, d.at)
		return d.why == ""
	case fieldDict:
		start := d.at
		if d.at, d.why = skipMap(d.syntax, d.b, d.at, MaxDepth); d.why != "" {
			return false
		}
		m.Dict = Dict{Format: d.format, Raw: d.b[start:d.at:d.at]}
		return true
	}
	if id, d.at, d.why = d.uint(d.b, d.at); d.why != "" {
		return false
	}
	if d.field == fieldOf {
		m.Of = MessageType(id)
		if id > uint64(Yield) || !answeredByError(m.Of) {
			d.why, d.bad = whyBadOf, id
		}
		return d.why == ""
	}
	if id > uint64(MaxID) || id == 0 && d.field != fieldOptionalRequest {
		d.why, d.bad = whyBadID, id
		return false
	}
	switch d.field {
	case fieldID:
		m.ID = ID(id)
	case fieldPublication:
		m.Publication = ID(id)
	default:
		m.Request = ID(id)
	}
	return true
}

// answeredByError says whether an ERROR can answer a message of type t.
func answeredByError(t MessageType) bool {
	switch t {
	case Subscribe, Unsubscribe, Publish, Register, Unregister, Call, Invocation, Cancel, Interrupt:
		return true
	}
	return false
}

// jsonStart is where the message's list starts: after white space, in JSON.
func jsonStart(f Format, b []byte) int {
	if f == JSON {
		return jsonSpace(b, 0)
	}
	return 0
}

func orElse(why, otherwise string) string {
	if why != "" {
		return why
	}
	return otherwise
}
