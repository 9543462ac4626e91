package wamp

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

var mapType = reflect.TypeFor[map[string]any]()

// wireValue turns a Go value into one that f's library writes by WAMP's rules: only the
// common kinds, and for JSON binary data as strings and doubles with a point. Containers are
// copied, the caller's stay as they are.
func wireValue(v any, f Format, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, errors.New(whyDeep)
	}
	switch v := v.(type) {
	case nil, bool, int64, uint64:
		return v, nil
	case string:
		return strings.ToValidUTF8(v, "\uFFFD"), nil
	case float64:
		if f == JSON {
			return toJSONNumber(v)
		}
		return v, nil
	case []byte:
		if f == JSON {
			return toJSONString(v), nil
		}
		if v == nil {
			return []byte{}, nil
		}
		return v, nil
	case []any:
		if depth == MaxDepth {
			return nil, errors.New(whyDeep)
		}
		list := make([]any, len(v))
		for i, e := range v {
			w, err := wireValue(e, f, depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = w
		}
		return list, nil
	case map[string]any:
		if depth == MaxDepth {
			return nil, errors.New(whyDeep)
		}
		m := make(map[string]any, len(v))
		for k, e := range v {
			w, err := wireValue(e, f, depth+1)
			if err != nil {
				return nil, err
			}
			m[strings.ToValidUTF8(k, "\uFFFD")] = w
		}
		return m, nil
	}
	return reflectValue(reflect.ValueOf(v), f, depth)
}

// reflectValue brings named and sized Go types down to the common kinds.
func reflectValue(r reflect.Value, f Format, depth int) (any, error) {
	switch r.Kind() {
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return r.Uint(), nil
	case reflect.Float32, reflect.Float64:
		return wireValue(r.Float(), f, depth)
	case reflect.String:
		return wireValue(r.String(), f, depth)
	case reflect.Pointer, reflect.Interface:
		if r.IsNil() {
			return nil, nil
		}
		return wireValue(r.Elem().Interface(), f, depth+1)
	case reflect.Slice, reflect.Array:
		if r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8 {
			return wireValue(r.Bytes(), f, depth)
		}
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return wireValue(list, f, depth)
	case reflect.Map:
		if r.Type().Key().Kind() == reflect.String {
			m := make(map[string]any, r.Len())
			for _, k := range r.MapKeys() {
				m[k.String()] = r.MapIndex(k).Interface()
			}
			return wireValue(m, f, depth)
		}
	}
	return nil, fmt.Errorf("a Go value of type %s has no equal in WAMP", r.Type())
}
