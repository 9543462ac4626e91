// Package oldest checks, with the code and the types of Kubernetes 1.31, that it knows all that is
// installed: the custom resource definitions with the rules in them, and every field of other objects.
package oldest
