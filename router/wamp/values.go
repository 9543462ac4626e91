package wamp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/tinylib/msgp/msgp"
)

// Whole values go through the libraries; here are only the rules by which a value is the same
// in all three serializations.

var cborDecoding = mustMode(cbor.DecOptions{
	MaxNestedLevels:      MaxDepth + 4,
	MaxArrayElements:     math.MaxInt32,
	MaxMapPairs:          math.MaxInt32,
	DefaultMapType:       mapType,
	UnrecognizedTagToAny: cbor.UnrecognizedTagContentToAny,
	TimeTagToAny:         cbor.TimeTagToRFC3339Nano,
}.DecMode())

var cborEncoding = mustMode(cbor.EncOptions{}.EncMode())

func mustMode[T any](mode T, err error) T {
	if err != nil {
		panic(err)
	}
	return mode
}

// transcode writes the value raw, which is in from, in to.
func transcode(to, from Format, raw []byte) ([]byte, error) {
	v, err := decodeValue(from, raw)
	if err == nil {
		raw, err = encodeValue(to, v)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s to %s: %w", ErrUnrepresentable, from, to, err)
	}
	return raw, nil
}

// decodeValue reads one value of at most MaxDepth levels into the kinds of Go values that
// Payload.Decode names.
func decodeValue(f Format, raw []byte) (any, error) {
	s := f.syntax()
	if s == nil {
		return nil, fmt.Errorf("no serialization %d", f)
	}
	if f == JSON {
		raw = bytes.TrimSpace(raw)
	}
	if end, why := s.skip(raw, 0, MaxDepth); why != "" {
		return nil, fmt.Errorf("at byte %d: %s", end, why)
	} else if end != len(raw) {
		return nil, fmt.Errorf("at byte %d: something follows the value", end)
	}
	var v any
	var err error
	switch f {
	case JSON:
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		err = d.Decode(&v)
	case MessagePack:
		v, _, err = msgp.ReadIntfBytes(raw)
	case CBOR:
		err = cborDecoding.Unmarshal(raw, &v)
	}
	if err != nil {
		return nil, err
	}
	return plainValue(v, f)
}

// plainValue turns what the libraries return into the common kinds, in place where it can.
func plainValue(v any, from Format) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64:
		return v, nil
	case []byte:
		if v == nil { // the libraries' empty, which another may write as null
			return []byte{}, nil
		}
		return v, nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
		return v, nil
	case float32:
		return float64(v), nil
	case string:
		if from == JSON {
			return fromJSONString(v), nil
		}
		return v, nil
	case json.Number:
		return fromJSONNumber(v)
	case big.Int:
		return fromBig(&v), nil
	case []any:
		for i, e := range v {
			p, err := plainValue(e, from)
			if err != nil {
				return nil, err
			}
			v[i] = p
		}
		return v, nil
	case map[string]any:
		for k, e := range v {
			p, err := plainValue(e, from)
			if err != nil {
				return nil, err
			}
			v[k] = p
		}
		return v, nil
	}
	return nil, fmt.Errorf("a value of type %T has no equal in WAMP", v)
}

// fromJSONString undoes toJSONString. A string that only looks like binary data stays one.
func fromJSONString(s string) any {
	if !strings.HasPrefix(s, "\x00") {
		return s
	}
	b, err := base64.StdEncoding.DecodeString(s[1:])
	if err != nil {
		return s
	}
	return b
}

func toJSONString(b []byte) string {
	return "\x00" + base64.StdEncoding.EncodeToString(b)
}

// fromJSONNumber keeps integers of up to 64 bits exact; a number written with a point or an
// exponent is a double, as is what does not fit.
func fromJSONNumber(n json.Number) (any, error) {
	s := n.String()
	if !strings.ContainsAny(s, ".eE") && s != "-0" {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, nil
		}
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return u, nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %s is out of range", shorten(s))
	}
	return f, nil
}

func fromBig(i *big.Int) any {
	if i.IsInt64() {
		return i.Int64()
	}
	if i.IsUint64() {
		return i.Uint64()
	}
	f, _ := new(big.Float).SetInt(i).Float64()
	return f
}

// encodeValue writes a Go value in f.
func encodeValue(f Format, v any) ([]byte, error) {
	v, err := wireValue(v, f, 0)
	if err != nil {
		return nil, err
	}
	switch f {
	case JSON:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return nil, err
		}
		return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
	case MessagePack:
		return msgp.AppendIntf(nil, v)
	case CBOR:
		return cborEncoding.Marshal(v)
	}
	return nil, fmt.Errorf("no serialization %d", f)
}

// toJSONNumber writes a double so that it is read as a double again: 1.0, not 1.
func toJSONNumber(f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errors.New("JSON has no NaN and no infinity")
	}
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if !bytes.ContainsAny(b, ".eE") {
		b = append(b, ".0"...)
	}
	return json.Number(b), nil
}

// shorten bounds what of a peer's input an error repeats.
func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
