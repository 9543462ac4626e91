package v1alpha1

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// Operator and routers read the same file: what it holds, in which order, and what is wrong with it.
func TestParseKeys(t *testing.T) {
	a, b := "MDEyMzQ1Njc4OWFiY2RlZg==", "ZmVkY2JhOTg3NjU0MzIxMDAxMjM0NTY3"
	keyA, keyB := []byte("0123456789abcdef"), []byte("fedcba987654321001234567")
	many := ""
	for i := range maxKeys + 1 {
		many += base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%016d", i)) + "\n"
	}
	for name, c := range map[string]struct {
		content string
		want    [][]byte
		line    int
		says    string
	}{
		"one":                 {a, [][]byte{keyA}, 0, ""},
		"one and a newline":   {a + "\n", [][]byte{keyA}, 0, ""},
		"two":                 {b + "\n" + a + "\n", [][]byte{keyB, keyA}, 0, ""},
		"comments":            {"# old and new\n\n  " + a + "\r\n#" + b + "\n" + b, [][]byte{keyA, keyB}, 0, ""},
		"twice":               {a + "\n" + b + "\n" + a, [][]byte{keyA, keyB}, 0, ""},
		"empty":               {"# none yet\n", nil, 0, "there is no key"},
		"no base64":           {a + "\nnot base64\n", nil, 2, "line 2: the key is not base64"},
		"too short":           {a + "\n\nc2hvcnQ=", nil, 3, "line 3: the key has 5 bytes"},
		"more than a handful": {many, nil, maxKeys + 1, "more than 8 keys"},
	} {
		got, err := ParseKeys([]byte(c.content))
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.says == "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err == nil {
			if again, err := ParseKeys(FormatKeys(got)); err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("%s: written and read again: %q, %v", name, again, err)
			}
			continue
		}
		var problem *KeyFileError
		if !errors.As(err, &problem) || problem.Line != c.line || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error(), "c2hv") || strings.Contains(err.Error(), "not base64\n") {
			t.Errorf("%s: the error repeats the key: %v", name, err)
		}
	}
}

func TestKeyFingerprints(t *testing.T) {
	got := KeyFingerprints([][]byte{[]byte("0123456789abcdef"), []byte("fedcba9876543210")})
	if want := []string{"9f9f5111f7b27a78", "3465f6e6975baa86"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
