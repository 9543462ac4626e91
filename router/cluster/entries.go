package cluster

import (
	"encoding/binary"
	"errors"

	"github.com/fxamacker/cbor/v2"

	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// Lists, and changes of them, have a format of their own on the control links: a hundred thousand
// entries are to be with a new replica within a fraction of a second. Numbers are unsigned varints,
// texts have their length before them.
//
//	delta:   from, to, number of entries, entries, number of keys, keys
//	full:    version, number of entries, entries
//	entry:   key, stamp, invoke, flags, detail
//	key:     kind and match in one octet, session, realm, URI
//	realm:   0 when it is that of the key before, else its length plus one, and the text

const (
	leastKey   = 4 // octets
	leastEntry = leastKey + 4
)

var errEntries = errors.New("list is cut short or has values that do not exist")

// encode makes the octets of the change, once for all that it is sent to.
func (d *delta) encode() {
	if d.wire != nil {
		return
	}
	b := make([]byte, 0, 24+96*len(d.Add)+64*len(d.Remove))
	b = binary.AppendUvarint(binary.AppendUvarint(b, d.From), d.To)
	var w entryWriter
	b = w.entries(b, d.Add)
	b = binary.AppendUvarint(b, uint64(len(d.Remove)))
	for i := range d.Remove {
		b = w.key(b, &d.Remove[i])
	}
	d.wire = b
}

func (f *full) append(b []byte) []byte {
	var w entryWriter
	return w.entries(binary.AppendUvarint(b, f.Version), f.Entries)
}

type entryWriter struct{ realm string }

func (w *entryWriter) entries(b []byte, entries []listEntry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for i := range entries {
		e := &entries[i]
		b = w.key(b, &e.Key)
		b = binary.AppendUvarint(b, e.Stamp)
		b = append(b, byte(e.Invoke), byte(e.Flags))
		b = append(binary.AppendUvarint(b, uint64(len(e.Detail))), e.Detail...)
	}
	return b
}

func (w *entryWriter) key(b []byte, k *listKey) []byte {
	b = append(b, byte(k.Kind)<<4|byte(k.Match))
	b = binary.AppendUvarint(b, uint64(k.Session))
	if k.Realm == w.realm {
		b = append(b, 0)
	} else {
		b = append(binary.AppendUvarint(b, uint64(len(k.Realm))+1), k.Realm...)
		w.realm = k.Realm
	}
	return append(binary.AppendUvarint(b, uint64(len(k.URI))), k.URI...)
}

func parseDelta(b []byte) (*delta, error) {
	r := entryReader{b: b}
	d := &delta{From: r.number(), To: r.number(), Add: r.entries()}
	if n := r.count(leastKey); n > 0 {
		d.Remove = make([]listKey, n)
		for i := range d.Remove {
			r.key(&d.Remove[i])
		}
	}
	return d, r.end()
}

func parseFull(b []byte) (*full, error) {
	r := entryReader{b: b}
	f := &full{Version: r.number(), Entries: r.entries()}
	return f, r.end()
}

type entryReader struct {
	b     []byte
	realm string
	bad   bool
}

func (r *entryReader) end() error {
	if r.bad || len(r.b) > 0 {
		return errEntries
	}
	return nil
}

func (r *entryReader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *entryReader) octet() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// count reads how many things follow that have at least so many octets each.
func (r *entryReader) count(least int) int {
	n := r.number()
	if n > uint64(len(r.b)/least) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *entryReader) text(n uint64) string {
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *entryReader) entries() []listEntry {
	n := r.count(leastEntry)
	if n == 0 {
		return nil
	}
	entries := make([]listEntry, n)
	for i := range entries {
		e := &entries[i]
		r.key(&e.Key)
		e.Stamp = r.number()
		e.Invoke, e.Flags = Policy(r.octet()), RegistrationFlags(r.octet())
		e.Detail = cbor.ByteString(r.text(r.number()))
		r.bad = r.bad || e.Invoke > Last
	}
	return entries
}

func (r *entryReader) key(k *listKey) {
	what := r.octet()
	k.Kind, k.Match = entryKind(what>>4), Match(what&15)
	k.Session = wamp.ID(r.number())
	if n := r.number(); n > 0 {
		r.realm = r.text(n - 1)
	}
	k.Realm = r.realm
	k.URI = r.text(r.number())
	r.bad = r.bad || k.Kind > entryTestament || k.Match > Wildcard
}
