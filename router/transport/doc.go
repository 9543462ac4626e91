// Package transport carries WAMP messages over WebSocket and RawSocket (WAMP basic profile,
// "Transports"). It knows frames, not sessions: what it hands up and takes are whole encoded
// messages.
//
// A [Server] serves both transports on one port and tells them apart by the first octet: 0x7F
// opens a RawSocket handshake, everything else is HTTP and may ask for an upgrade to
// WebSocket. [Dial] is the client's side. Both give a [Conn].
//
// # Writing
//
// Each connection has one outbound buffer and one goroutine that writes. [Conn.Send] encodes
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
package transport
