package transport

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws/wsflate"
)

const (
	deflateWindow = 32 << 10
	deflateTail   = "\x00\x00\xff\xff" // what a flush ends in, left out on the wire
	// deflateEnd stands for the tail and ends the stream, so that the reader sees its end.
	deflateEnd = deflateTail + "\x01\x00\x00\xff\xff"
)

// deflater is permessage-deflate on one connection (RFC 7692). Without context takeover it holds
// nothing between messages: what compresses and decompresses comes from pools.
type deflater struct {
	cfg      *Compression
	keepOut  bool        // messages sent refer to those before
	keepIn   bool        // messages received may
	keeper   *compressor // of this connection alone, when keepOut
	window   []byte      // the end of what was received, when keepIn
	inflated []byte      // the message at hand
}

// negotiate accepts the offers of a client that can be kept. It is called for one after the other, in
// the order of the client's preference; the first that is accepted counts.
func (c *Compression) negotiate(offer httphead.Option, accepted **deflater) httphead.Option {
	var none httphead.Option
	var want wsflate.Parameters
	if *accepted != nil || string(offer.Name) != wsflate.ExtensionName || want.Parse(offer) != nil {
		return none
	}
	if want.ServerMaxWindowBits.Defined() && want.ServerMaxWindowBits.Bytes() < deflateWindow {
		return none // compress/flate has one size of window
	}
	answer := wsflate.Parameters{
		ServerNoContextTakeover: want.ServerNoContextTakeover || !c.ContextTakeover,
		ClientNoContextTakeover: want.ClientNoContextTakeover || !c.ContextTakeover,
	}
	*accepted = &deflater{cfg: c, keepOut: !answer.ServerNoContextTakeover, keepIn: !answer.ClientNoContextTakeover}
	return answer.Option()
}

// offer is what a client asks for.
func (c *Compression) offer() httphead.Option {
	return wsflate.Parameters{ServerNoContextTakeover: !c.ContextTakeover, ClientNoContextTakeover: !c.ContextTakeover}.Option()
}

// agreed reads the answer of a server to offer; nil when it does not compress.
func (c *Compression) agreed(answer []httphead.Option) (*deflater, error) {
	for _, option := range answer {
		var p wsflate.Parameters
		if string(option.Name) != wsflate.ExtensionName {
			continue
		}
		if err := p.Parse(option); err != nil {
			return nil, err
		}
		if p.ClientMaxWindowBits.Defined() {
			return nil, errors.New("the server asks for a smaller window, which was not offered")
		}
		return &deflater{
			cfg: c, keepIn: !p.ServerNoContextTakeover,
			keepOut: c.ContextTakeover && !p.ClientNoContextTakeover,
		}, nil
	}
	return nil, nil
}

// compressor is a flate.Writer and where it writes to.
type compressor struct {
	w   *flate.Writer
	out []byte
}

// Write implements io.Writer.
func (c *compressor) Write(b []byte) (int, error) {
	c.out = append(c.out, b...)
	return len(b), nil
}

// compressors holds those that are not in use, by level; each takes 0.6 to 1.3 MiB.
var compressors [flate.BestCompression + 1]sync.Pool

func newCompressor(level int) (*compressor, error) {
	if c, ok := compressors[level].Get().(*compressor); ok {
		c.w.Reset(c)
		return c, nil
	}
	c := &compressor{}
	var err error
	c.w, err = flate.NewWriter(c, level)
	return c, err
}

// compress appends the compressed message to dst. With context takeover messages must be sent in the
// order in which they were compressed.
func (d *deflater) compress(dst, message []byte) ([]byte, error) {
	c := d.keeper
	if c == nil {
		var err error
		if c, err = newCompressor(d.cfg.Level); err != nil {
			return dst, err
		}
		if d.keepOut {
			d.keeper = c
		}
	}
	c.out = dst
	_, err := c.w.Write(message)
	if err == nil {
		err = c.w.Flush()
	}
	dst, c.out = c.out, nil
	if !d.keepOut {
		compressors[d.cfg.Level].Put(c)
	}
	return bytes.TrimSuffix(dst, []byte(deflateTail)), err
}

// decompressor is a flate reader and what it reads: a message and deflateEnd.
type decompressor struct {
	r       io.ReadCloser
	message []byte
	end     string
}

// Read implements io.Reader, and ReadByte io.ByteReader, which keeps flate from buffering.
func (d *decompressor) Read(b []byte) (int, error) {
	if len(d.message) > 0 {
		n := copy(b, d.message)
		d.message = d.message[n:]
		return n, nil
	}
	n := copy(b, d.end)
	d.end = d.end[n:]
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (d *decompressor) ReadByte() (byte, error) {
	var b [1]byte
	_, err := d.Read(b[:])
	return b[0], err
}

var decompressors = sync.Pool{New: func() any {
	d := &decompressor{}
	d.r = flate.NewReader(d)
	return d
}}

// decompress gives the message, valid until the next call, or an error when it has more than limit
// bytes or is none: what a small message promises to become costs no more than the limit.
func (d *deflater) decompress(message []byte, limit int) ([]byte, error) {
	in := decompressors.Get().(*decompressor)
	defer decompressors.Put(in)
	in.message, in.end = message, deflateEnd
	defer func() { in.message = nil }()
	if err := in.r.(flate.Resetter).Reset(in, d.window); err != nil {
		return nil, err
	}
	if cap(d.inflated) > readBusy {
		d.inflated = nil
	}
	out := d.inflated[:0]
	for {
		if len(out) == cap(out) {
			out = append(out, 0)[:len(out)]
		}
		n, err := in.r.Read(out[len(out):min(cap(out), limit+1)])
		out = out[:len(out)+n]
		if len(out) > limit {
			return nil, protocolError(CloseTooBig, "a compressed message has more than the %d bytes of the limit", limit)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, protocolError(CloseInvalidData, "a compressed message cannot be decompressed: %v", err)
		}
	}
	d.inflated = out
	d.remember(out)
	return out, nil
}

// remember keeps what later messages may refer to.
func (d *deflater) remember(message []byte) {
	if !d.keepIn {
		return
	}
	if len(message) >= deflateWindow {
		d.window = append(d.window[:0], message[len(message)-deflateWindow:]...)
		return
	}
	if drop := len(d.window) + len(message) - deflateWindow; drop > 0 {
		d.window = d.window[:copy(d.window, d.window[drop:])]
	}
	d.window = append(d.window, message...)
}
