// Package wamp holds the WAMP messages that a router reads and writes, their ids, URIs and
// error URIs, and the three serializations (JSON, MessagePack, CBOR). It does no I/O.
//
// A router needs only the head of a message: its type, its ids, its options and its URI.
// [Decode] parses these and leaves the application payload (Arguments, ArgumentsKw) as the
// raw bytes that arrived, checked for well-formedness and nesting depth; [Append] splices the
// raw bytes into the outgoing message. Only peers that speak different serializations cost a
// transcode of the payload.
package wamp
