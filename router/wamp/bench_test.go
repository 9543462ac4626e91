package wamp

import (
	"testing"
)

// sampleCall is what the benchmarks route: about 300 bytes, as a business call would be.
func sampleCall(f Format) *Message {
	return &Message{
		Type: Call, Request: 7814135, URI: "com.example.billing.invoice.create",
		Payload: MustPayload(f, []any{
			"4f3c1d2e-9a77-4b02-8f6b-0c5b1c7f2a11", 129.95, 3, true,
			map[string]any{"street": "Hauptstrasse 12", "city": "Aachen", "zip": "52062"},
		}, map[string]any{
			"currency": "EUR", "express": false, "tags": []any{"new", "priority", "b2b"},
			"note": "leave at the door, ring twice",
		}),
	}
}

// BenchmarkRoute is the serialization work of routing one call: CALL in, INVOCATION out.
func BenchmarkRoute(b *testing.B) {
	for _, f := range Formats {
		b.Run(f.String(), func(b *testing.B) {
			frame := Append(nil, f, sampleCall(f))
			out := make([]byte, 0, 1024)
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			var in, inv Message
			for b.Loop() {
				if err := Decode(f, frame, &in); err != nil {
					b.Fatal(err)
				}
				inv = Message{Type: Invocation, Request: 17, ID: 3345577777, Payload: in.Payload}
				out = Append(out[:0], f, &inv)
			}
		})
	}
}

// BenchmarkTranscode is the price of a caller and a callee that speak differently.
func BenchmarkTranscode(b *testing.B) {
	for _, from := range Formats {
		for _, to := range Formats {
			if from == to {
				continue
			}
			b.Run(from.String()+"-"+to.String(), func(b *testing.B) {
				p := sampleCall(from).Payload
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.In(to); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
