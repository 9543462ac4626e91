// Package report puts into words and tables what was seen of a WampCluster. Nothing in it reads
// anything: what it says depends on what it is given, and on the time that it is given.
package report
