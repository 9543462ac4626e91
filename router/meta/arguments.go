package meta

import (
	"fmt"
	"time"

	"github.com/wamp-operator/wamp-operator/router/cluster"
	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// arguments are those of one call. Each can be given by its place or by its name; null is as good as
// nothing. Errors name the argument, and what to write.
type arguments struct {
	caller    *session.Session
	procedure string
	list      []wamp.Value
	dict      wamp.Dict
}

// named stands for the place of an argument that has only a name.
const named = -1

func newArguments(caller *session.Session, procedure string, p wamp.Payload) *arguments {
	list, _ := wamp.Value{Format: p.Format, Raw: p.Args}.List()
	return &arguments{caller: caller, procedure: procedure, list: list, dict: wamp.Dict{Format: p.Format, Raw: p.Kwargs}}
}

func (a *arguments) get(place int, name string) (v wamp.Value, ok bool) {
	if place >= 0 && place < len(a.list) {
		v = a.list[place]
	} else if v, ok = a.dict.Get(name); !ok {
		return v, false
	}
	return v, !v.IsNull()
}

func (a *arguments) invalid(name, format string, args ...any) error {
	return &cluster.Error{URI: wamp.ErrInvalidArgument, Message: fmt.Sprintf("%s: argument %s ", a.procedure, name) + fmt.Sprintf(format, args...)}
}

func (a *arguments) missing(place int, name, what string) error {
	if place == named {
		return a.invalid(name, "is missing: give %s by that name", what)
	}
	return a.invalid(name, "is missing: give %s in place %d, or by that name", what, place+1)
}

// id is an id; zero when it is not there, and need not be.
func (a *arguments) id(place int, name string, required bool) (wamp.ID, error) {
	v, ok := a.get(place, name)
	if !ok {
		if required {
			return 0, a.missing(place, name, "an id")
		}
		return 0, nil
	}
	id, ok := v.Uint()
	if !ok || id == 0 || wamp.ID(id) > wamp.MaxID {
		return 0, a.invalid(name, "must be an id, a whole number from 1 to 2^53, not %s", v.Kind())
	}
	return wamp.ID(id), nil
}

// str is a string; ok tells that it is there.
func (a *arguments) str(place int, name string, required bool) (s string, ok bool, err error) {
	v, ok := a.get(place, name)
	if !ok {
		if required {
			return "", false, a.missing(place, name, "a string")
		}
		return "", false, nil
	}
	if s, ok = v.Str(); !ok {
		return "", false, a.invalid(name, "must be a string, not %s", v.Kind())
	}
	return s, true, nil
}

// uri is the URI of a topic or procedure, which is always the first argument.
func (a *arguments) uri(name string, match wamp.Match) (string, error) {
	uri, _, err := a.str(0, name, true)
	if err != nil {
		return "", err
	}
	if err := wamp.ValidPattern(uri, match, false); err != nil {
		return "", &cluster.Error{URI: wamp.ErrInvalidURI, Message: a.procedure + ": " + err.Error()}
	}
	return uri, nil
}

// strings is a list of strings; ok tells that it is there.
func (a *arguments) strings(place int, name string) (all []string, ok bool, err error) {
	v, ok := a.get(place, name)
	if !ok {
		return nil, false, nil
	}
	list, ok := v.List()
	if !ok {
		return nil, false, a.invalid(name, "must be a list of strings, not %s", v.Kind())
	}
	for _, v := range list {
		s, ok := v.Str()
		if !ok {
			return nil, false, a.invalid(name, "must be a list of strings: %s in it is none", v.Kind())
		}
		all = append(all, s)
	}
	return all, true, nil
}

// options is a dictionary; an empty one when it is not there.
func (a *arguments) options(place int, name string) (wamp.Dict, error) {
	v, ok := a.get(place, name)
	if !ok {
		return wamp.Dict{}, nil
	}
	d, ok := v.Dict()
	if !ok {
		return wamp.Dict{}, a.invalid(name, "must be a dictionary, not %s", v.Kind())
	}
	return d, nil
}

// match reads options.match of the lookups.
func (a *arguments) match(place int) (wamp.Match, error) {
	options, err := a.options(place, "options")
	if err != nil {
		return 0, err
	}
	v, ok := options.Get("match")
	if !ok {
		return wamp.Exact, nil
	}
	name, ok := v.Str()
	if !ok {
		return 0, a.invalid("options", "has a match that is %s: use exact, prefix or wildcard", v.Kind())
	}
	match, err := wamp.ParseMatch(name)
	if err != nil {
		return 0, a.invalid("options", "has an %s", err)
	}
	return match, nil
}

func (a *arguments) boolean(place int, name string) (bool, error) {
	v, ok := a.get(place, name)
	if !ok {
		return false, nil
	}
	b, ok := v.Bool()
	if !ok {
		return false, a.invalid(name, "must be a boolean, not %s", v.Kind())
	}
	return b, nil
}

// count is a whole number above 0; 0 when it is not there.
func (a *arguments) count(place int, name string) (int, error) {
	v, ok := a.get(place, name)
	if !ok {
		return 0, nil
	}
	n, ok := v.Uint()
	if !ok || n == 0 || n > 1<<31-1 {
		return 0, a.invalid(name, "must be a whole number above 0, not %s", v.Kind())
	}
	return int(n), nil
}

// time is a moment as RFC 3339 writes it; the zero time when it is not there.
func (a *arguments) time(place int, name string) (time.Time, error) {
	s, ok, err := a.str(place, name, false)
	if err != nil || !ok {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, a.invalid(name, "must be a time as RFC 3339 writes it, like 2026-05-17T09:30:00.250Z")
	}
	return t, nil
}

// moment is a time as the meta API tells it (ISO 8601 and RFC 3339), in UTC.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }
