package v1alpha1

import "testing"

// Operator and router compute the hash each for itself: it must not depend on the order of a map
// and must change with a name as well as with a content.
func TestHashDocuments(t *testing.T) {
	a := map[string][]byte{"a.yaml": []byte("1"), "b.yaml": []byte("2")}
	want := HashDocuments(a)
	if len(want) != 16 {
		t.Fatalf("hash %q has %d characters, want 16", want, len(want))
	}
	for range 50 {
		if got := HashDocuments(map[string][]byte{"b.yaml": []byte("2"), "a.yaml": []byte("1")}); got != want {
			t.Fatalf("hash of the same files: %s and %s", want, got)
		}
	}
	for name, other := range map[string]map[string][]byte{
		"other content":   {"a.yaml": []byte("1"), "b.yaml": []byte("3")},
		"other name":      {"a.yaml": []byte("1"), "c.yaml": []byte("2")},
		"contents swap":   {"a.yaml": []byte("2"), "b.yaml": []byte("1")},
		"a file less":     {"a.yaml": []byte("1")},
		"nothing at all":  {},
		"a file more":     {"a.yaml": []byte("1"), "b.yaml": []byte("2"), "c.yaml": nil},
		"joined contents": {"a.yaml": []byte("12"), "b.yaml": nil},
	} {
		if HashDocuments(other) == want {
			t.Errorf("%s: the hash is the same", name)
		}
	}
}
