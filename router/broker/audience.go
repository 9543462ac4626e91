package broker

import (
	"slices"
	"strings"

	"github.com/wamp-operator/wamp-operator/router/session"
	"github.com/wamp-operator/wamp-operator/router/wamp"
)

// audience is whom a publisher wants an event to reach (WAMP advanced profile, "Subscriber Black-
// and Whitelisting"). A list that is nil was not given; an empty whitelist admits nobody. Lists are
// sorted; strings alias the options that they were read from.
type audience struct {
	exclude, eligible                 []wamp.ID
	excludeAuthID, eligibleAuthID     []string
	excludeAuthRole, eligibleAuthRole []string
}

// option reads one option that begins with exclude or eligible; others than the six are none.
func (a *audience) option(key string, value wamp.Value) (err error) {
	switch key {
	case "exclude":
		a.exclude, err = sessions(key, value)
	case "eligible":
		a.eligible, err = sessions(key, value)
	case "exclude_authid":
		a.excludeAuthID, err = names(key, value)
	case "eligible_authid":
		a.eligibleAuthID, err = names(key, value)
	case "exclude_authrole":
		a.excludeAuthRole, err = names(key, value)
	case "eligible_authrole":
		a.eligibleAuthRole, err = names(key, value)
	}
	return err
}

// admits tells whether the session may get the event.
func (a *audience) admits(s *session.Session) bool {
	if a == nil {
		return true
	}
	return !within(a.exclude, s.ID) && (a.eligible == nil || within(a.eligible, s.ID)) &&
		a.admitsName(s.Identity.AuthID, s.Identity.Role.Name)
}

func (a *audience) admitsName(authID, authRole string) bool {
	return !within(a.excludeAuthID, authID) && !within(a.excludeAuthRole, authRole) &&
		(a.eligibleAuthID == nil || within(a.eligibleAuthID, authID)) &&
		(a.eligibleAuthRole == nil || within(a.eligibleAuthRole, authRole))
}

// bySession tells whether it names sessions, which come and go.
func (a *audience) bySession() bool { return a != nil && (a.exclude != nil || a.eligible != nil) }

func within[T wamp.ID | string](sorted []T, v T) bool {
	if len(sorted) == 0 {
		return false
	}
	_, found := slices.BinarySearch(sorted, v)
	return found
}

func sessions(key string, value wamp.Value) ([]wamp.ID, error) {
	list, ok := value.List()
	if !ok {
		return nil, wrongType(key, "a list of session ids", value)
	}
	ids := make([]wamp.ID, 0, len(list))
	for _, v := range list {
		id, ok := v.Uint()
		if !ok {
			return nil, wrongElement(key, "session ids", v)
		}
		ids = append(ids, wamp.ID(id))
	}
	slices.Sort(ids)
	return ids, nil
}

func names(key string, value wamp.Value) ([]string, error) {
	list, ok := value.List()
	if !ok {
		return nil, wrongType(key, "a list of strings", value)
	}
	all := make([]string, 0, len(list))
	for _, v := range list {
		name, ok := v.Str()
		if !ok {
			return nil, wrongElement(key, "strings", v)
		}
		all = append(all, name)
	}
	slices.SortFunc(all, strings.Compare)
	return all, nil
}
