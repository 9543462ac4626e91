package wamp

// MaxDepth is how many arrays and maps may lie inside one another in a payload or a
// dictionary, the payload's own array or map included. It bounds the stack that a hostile
// message can make the router use.
const MaxDepth = 128

// kind is what sort of value starts at a place.
type kind uint8

const (
	kindNone kind = iota // the input ends here, or no value starts so
	kindNull
	kindBool
	kindNumber
	kindString
	kindBinary
	kindArray
	kindMap
	kindOther // extension types, tags, simple values
)

var kindNames = [...]string{
	kindNone: "nothing valid", kindNull: "null", kindBool: "a boolean", kindNumber: "a number",
	kindString: "a string", kindBinary: "binary data", kindArray: "a list",
	kindMap: "a dictionary", kindOther: "an extension value",
}

// What is wrong with a value. Constants, so that finding a fault allocates nothing and
// hostile input costs no more than good input.
const (
	whyShort    = "the message ends in the middle of a value"
	whyDeep     = "lists and dictionaries are nested more than 128 deep"
	whyUTF8     = "a string is not valid UTF-8"
	whyKey      = "a dictionary key is not a string"
	whyInvalid  = "a byte here starts no value"
	whyNotInt   = "expected an integer"
	whyNotStr   = "expected a string"
	whyNotList  = "expected a list"
	whyNotDict  = "expected a dictionary"
	whyTooLarge = "the integer is too large"
)

// syntax is what the router knows itself about a serialization: enough to read and write
// the head of a message and to step over everything else. Full values go through the
// libraries (values.go).
//
// Functions that read take the input and an offset and return the offset after what they
// read and "", or the offset of the fault and one of the sentences above.
type syntax interface {
	// enter steps into the array or map (as said by k) that starts at i. The state it
	// returns belongs to step.
	enter(b []byte, i int, k kind) (next, state int, why string)
	// step moves to the next element (for a map: to the next key), or past the end.
	step(b []byte, i, state int) (next, newState int, more bool, why string)
	// toValue moves from the end of a key to its value.
	toValue(b []byte, i int) (next int, why string)
	// end moves over what may follow the last value: white space in JSON.
	end(b []byte, i int) int

	kindAt(b []byte, i int) kind
	uint(b []byte, i int) (v uint64, next int, why string)
	// str reads a string. It aliases b unless the string is escaped or in chunks.
	str(b []byte, i int) (s string, next int, why string)
	// skip steps over one value that has at most depth levels, checking all of it.
	skip(b []byte, i, depth int) (next int, why string)

	appendArray(dst []byte, n int) []byte
	appendMap(dst []byte, n int) []byte
	appendUint(dst []byte, v uint64) []byte
	appendString(dst []byte, s string) []byte
	appendBool(dst []byte, v bool) []byte
}

var syntaxes = [...]syntax{JSON: jsonSyntax{}, MessagePack: msgpackSyntax{}, CBOR: cborSyntax{}}

// syntax returns nil for a number that is no format.
func (f Format) syntax() syntax {
	if int(f) < len(syntaxes) {
		return syntaxes[f]
	}
	return nil
}

// skipMap steps over a map whose own keys are strings, as WAMP asks of options, details and
// ArgumentsKw. Maps inside it are the application's and are only checked to be well-formed.
func skipMap(s syntax, b []byte, i, depth int) (int, string) {
	i, state, why := s.enter(b, i, kindMap)
	for why == "" {
		var more bool
		if i, state, more, why = s.step(b, i, state); !more || why != "" {
			return i, why
		}
		if k := s.kindAt(b, i); k != kindString && k != kindNone {
			return i, whyKey
		}
		if i, why = s.skip(b, i, 0); why != "" {
			return i, why
		}
		if i, why = s.toValue(b, i); why != "" {
			return i, why
		}
		i, why = s.skip(b, i, depth-1)
	}
	return i, why
}

// skipArray steps over a list.
func skipArray(s syntax, b []byte, i, depth int) (int, string) {
	if i >= len(b) {
		return i, whyShort
	}
	if s.kindAt(b, i) != kindArray {
		return i, whyNotList
	}
	return s.skip(b, i, depth)
}
