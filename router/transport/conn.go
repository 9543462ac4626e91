package transport

import (
	"context"

	"github.com/wamp-operator/wamp-operator/router/internal/backlog"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Conn is one connected peer. All methods but ReadMessage may be called from any goroutine.
type Conn interface {
	// Format is the serialization that the handshake agreed on.
	Format() wamp.Format
	// Info is what else is known of the connection; made anew each time.
	Info() *Info

	// ReadMessage returns the next message. Its bytes are valid until the next call. One
	// goroutine may call it. The error is io.EOF when the peer closed the connection,
	// *CloseError when it closed with a WebSocket close frame, *ProtocolError when it broke
	// the transport's rules, ErrClosed after Close, ErrSilent after keepalive gave up, or
	// what the network reported. After an error the connection can still send (an ABORT,
	// say) until it is closed.
	ReadMessage() ([]byte, error)

	// Via is where the messages that ReadMessage returns come in; for the goroutine that calls
	// it. It must be flushed before that goroutine waits for anything but ReadMessage, and
	// when it ends.
	Via() *backlog.Via

	// Send encodes m into the outbound buffer. It does not block. Nothing is sent when it
	// returns an error: ErrClosed; ErrOverflow, which also drops the connection;
	// ErrTooLarge when the peer does not take a message of this size; or an error wrapping
	// wamp.ErrUnrepresentable when m cannot be said in the peer's serialization. m may be
	// used again at once.
	Send(m *wamp.Message) error
	// SendVia is Send because of a message that came in that way: m is written at the latest
	// when via is flushed.
	SendVia(via *backlog.Via, m *wamp.Message) error
	// SendEncoded is Send for a message already encoded in Format(): what goes to many
	// peers is encoded once. The bytes are copied.
	SendEncoded(message []byte) error

	// Full says whether more than the soft limit of bytes waits to be written.
	Full() bool
	// WaitRoom blocks while the connection is full. It returns ErrClosed when the
	// connection closes, or the context's error.
	WaitRoom(ctx context.Context) error

	// Close writes what is queued (bounded by CloseTimeout) and closes. It returns at
	// once; Done tells when. WebSocket peers see the close code that fits the last error
	// of ReadMessage, else CloseNormal.
	Close()
	// CloseWith is Close with a WebSocket close code and a reason (of which 123 bytes are
	// sent). On RawSocket it is Close.
	CloseWith(code CloseCode, reason string)
	// Abort closes at once and drops what is queued.
	Abort()
	// Done is closed when the connection is gone and its writer has ended.
	Done() <-chan struct{}
}
