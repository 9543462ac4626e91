package main

import "runtime/debug"

// version is set by -ldflags "-X main.version=…".
var version string

// versionString is the version of this binary: as it was set at the build, or that of the module.
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
