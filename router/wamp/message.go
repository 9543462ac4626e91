package wamp

// MessageType is the first element of every WAMP message (WAMP basic profile, "Messages").
type MessageType uint8

const (
	Hello        MessageType = 1
	Welcome      MessageType = 2
	Abort        MessageType = 3
	Challenge    MessageType = 4
	Authenticate MessageType = 5
	Goodbye      MessageType = 6
	Error        MessageType = 8
	Publish      MessageType = 16
	Published    MessageType = 17
	Subscribe    MessageType = 32
	Subscribed   MessageType = 33
	Unsubscribe  MessageType = 34
	Unsubscribed MessageType = 35
	Event        MessageType = 36
	Call         MessageType = 48
	Cancel       MessageType = 49
	Result       MessageType = 50
	Register     MessageType = 64
	Registered   MessageType = 65
	Unregister   MessageType = 66
	Unregistered MessageType = 67
	Invocation   MessageType = 68
	Interrupt    MessageType = 69
	Yield        MessageType = 70
)

// ID is a WAMP id: 1 to 2^53 (WAMP basic profile, "IDs").
type ID uint64

// Format is one of the three serializations a peer can speak.
type Format uint8

const (
	JSON Format = iota + 1
	MessagePack
	CBOR
)

// Message is the parsed head of a WAMP message with its payload as raw bytes. Which fields
// a message has depends on its type; Decode leaves the others zero and Append ignores them.
//
//	HELLO         URI=realm  Dict=details
//	WELCOME       ID=session  Dict=details
//	ABORT         Dict=details  URI=reason
//	CHALLENGE     Text=authmethod  Dict=extra
//	AUTHENTICATE  Text=signature  Dict=extra
//	GOODBYE       Dict=details  URI=reason
//	ERROR         Of=type of the failed request  Request  Dict=details  URI=error  Payload
//	PUBLISH       Request  Dict=options  URI=topic  Payload
//	PUBLISHED     Request  ID=publication
//	SUBSCRIBE     Request  Dict=options  URI=topic
//	SUBSCRIBED    Request  ID=subscription
//	UNSUBSCRIBE   Request  ID=subscription
//	UNSUBSCRIBED  Request  Dict=details (optional)
//	EVENT         ID=subscription  Publication  Dict=details  Payload
//	CALL          Request  Dict=options  URI=procedure  Payload
//	CANCEL        Request  Dict=options
//	RESULT        Request  Dict=details  Payload
//	REGISTER      Request  Dict=options  URI=procedure
//	REGISTERED    Request  ID=registration
//	UNREGISTER    Request  ID=registration
//	UNREGISTERED  Request  Dict=details (optional)
//	INVOCATION    Request  ID=registration  Dict=details  Payload
//	INTERRUPT     Request  Dict=options
//	YIELD         Request  Dict=options  Payload
type Message struct {
	Type        MessageType
	Of          MessageType
	Request     ID
	ID          ID
	Publication ID
	Text        string
	// URI of the procedure, topic, realm, reason or error. After Decode it aliases the
	// frame (no allocation): copy it (strings.Clone) to keep it past the frame's life.
	URI     string
	Dict    Dict
	Payload Payload
}

// Dict is an options, details or extra dictionary in its encoded form. The zero Dict is the
// empty dictionary and costs nothing; Append writes it as {}.
type Dict struct {
	Format Format
	Raw    []byte // one well-formed map in Format; nil is {}
}

// Payload is ArgumentsList and ArgumentsKwDict in their encoded form.
type Payload struct {
	Format Format
	Args   []byte // one well-formed array in Format; nil is absent
	Kwargs []byte // one well-formed map in Format; nil is absent; needs Args (Append writes [] for nil Args)
}
