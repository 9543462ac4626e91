package wamp

import (
	"fmt"
	"strconv"
)

// MaxID is the largest id: 2^53, so that every id is exact in an IEEE double (WAMP basic
// profile, "IDs").
const MaxID ID = 1 << 53

var messageNames = [...]string{
	Hello: "HELLO", Welcome: "WELCOME", Abort: "ABORT", Challenge: "CHALLENGE",
	Authenticate: "AUTHENTICATE", Goodbye: "GOODBYE", Error: "ERROR",
	Publish: "PUBLISH", Published: "PUBLISHED",
	Subscribe: "SUBSCRIBE", Subscribed: "SUBSCRIBED",
	Unsubscribe: "UNSUBSCRIBE", Unsubscribed: "UNSUBSCRIBED", Event: "EVENT",
	Call: "CALL", Cancel: "CANCEL", Result: "RESULT",
	Register: "REGISTER", Registered: "REGISTERED",
	Unregister: "UNREGISTER", Unregistered: "UNREGISTERED",
	Invocation: "INVOCATION", Interrupt: "INTERRUPT", Yield: "YIELD",
}

// String is the message's name in the WAMP text, such as "CALL".
func (t MessageType) String() string {
	if int(t) < len(messageNames) && messageNames[t] != "" {
		return messageNames[t]
	}
	return "message type " + strconv.Itoa(int(t))
}

// Formats are all serializations, in the order in which a router prefers to name them.
var Formats = [...]Format{JSON, MessagePack, CBOR}

// String is the name that WebSocket subprotocols use: "json", "msgpack" or "cbor".
func (f Format) String() string {
	switch f {
	case JSON:
		return "json"
	case MessagePack:
		return "msgpack"
	case CBOR:
		return "cbor"
	}
	return "format " + strconv.Itoa(int(f))
}

// ParseFormat is the inverse of [Format.String].
func ParseFormat(s string) (Format, error) {
	for _, f := range Formats {
		if f.String() == s {
			return f, nil
		}
	}
	return 0, fmt.Errorf("unknown serialization %q: write json, msgpack or cbor", s)
}
