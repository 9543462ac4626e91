package v1alpha1

import "strings"

// MaxURILength is the longest URI, in characters, that a realm, a procedure or a permission has.
const MaxURILength = 255

// The sentences are those of the rules in the schema: a person sees the same from the API server
// and from a router that reads a file.
const (
	sayRealmURI         = "write a URI of components with one dot between them, without white space and '#', for example realm1 or com.example.realm"
	sayRealmReserved    = "URIs that begin with 'wamp.' belong to the protocol: choose another realm, for example realm1"
	sayProcedureURI     = "write a URI of components with one dot between them, without white space and '#', for example com.example.add"
	sayProcedurePrivate = "URIs that begin with 'wamp.' belong to the protocol: begin with a domain of your own, for example com.example.add"
	sayProcedurePrefix  = "with match: prefix write the beginning of a URI, without white space and '#', for example com.example. (with the dot it matches whole components only)"
	sayProcedureWild    = "with match: wildcard write a URI in which an empty component stands for any, without white space and '#', for example com..add"
	sayAuthenticatorURI = "write a URI of components with one dot between them, without white space and '#', for example com.example.authenticate"
	sayPatternExact     = "with match: exact write a URI of components with one dot between them, without white space and '#', for example com.example.add"
	sayPatternPrefix    = "with match: prefix write the beginning of a URI, for example com.example. (an empty uri matches every URI)"
	sayPatternWildcard  = "with match: wildcard write a URI in which an empty component stands for any, for example com..add"
)

// validURI follows the loose rule of the WAMP basic profile, "URIs": components that are not
// empty, separated by dots, without white space and '#'.
func validURI(uri string) bool {
	return uri != "" && validPrefix(uri) && !strings.HasSuffix(uri, ".")
}

// validPrefix tells whether uri can be the beginning of a valid URI; the empty string can.
func validPrefix(uri string) bool {
	return !hasForbidden(uri) && !strings.HasPrefix(uri, ".") && !strings.Contains(uri, "..")
}

// validWildcard tells whether uri is a pattern in which empty components stand for any (WAMP
// advanced profile, "Pattern-based Registration").
func validWildcard(uri string) bool {
	return uri != "" && !hasForbidden(uri)
}

// hasForbidden finds what no URI contains. White space is that of the expression \s in the
// schema: tab, line feed, form feed, carriage return, space.
func hasForbidden(uri string) bool {
	return strings.ContainsAny(uri, "\t\n\f\r #")
}

// reservedURI tells whether the protocol keeps uri for itself.
func reservedURI(uri string) bool {
	return uri == "wamp" || strings.HasPrefix(uri, "wamp.")
}
