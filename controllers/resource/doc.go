// Package resource builds the objects that a WampCluster owns: one file an object, each a pure
// function from the WampCluster to an apply configuration, its test beside it.
//
// What must hold: replicas, certificates, realms and procedures never enter the pod template of
// the StatefulSet, so that a change of them restarts no router.
package resource
