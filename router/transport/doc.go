// Package transport carries WAMP messages over WebSocket, RawSocket and HTTP long-poll (WAMP basic
// and advanced profile, "Transports"). It knows frames, not sessions: what it hands up and takes are
// whole encoded messages.
//
// A [Server] serves all of them on one port, and on Unix sockets ([ListenUnix]), and tells them
// apart by the first octet: 0x7F opens a RawSocket handshake, a capital letter an HTTP request, which
// may ask for an upgrade to WebSocket or be one of a long-poll session. What else comes is refused at
// once. [Dial] is the client's side. Both give a [Conn].
//
// # Writing
//
// Each connection has one outbound buffer and, while there is something to write and for a moment
// longer, one goroutine that writes. [Conn.Send] encodes
// the message straight into the buffer under a short lock and wakes the writer, which yields
// the processor once, takes all that has gathered, and makes one write of it. Send never
// blocks. Pressure is handled in bytes: above a soft limit [Conn.Full] is true, and whoever
// feeds the connection stops reading its own source until [Conn.WaitRoom] returns; at a hard
// limit the connection is closed. A peer that takes nothing for WriteTimeout is dropped.
//
// # Reading
//
// One goroutine calls [Conn.ReadMessage]. Messages alias the connection's read buffer, which
// starts at 512 bytes, grows with what arrives (never with what a header merely promises) and
// shrinks again when the connection has been quiet.
//
// # Batches, compression, long-poll
//
// What happens to messages between serialization and frame, where it was agreed on, is in
// packing.go; connections without it do not pass there. A long-poll session (poll.go, longpoll.go) is an
// ordinary connection over a pipe in memory, whose far end are HTTP requests.
package transport
