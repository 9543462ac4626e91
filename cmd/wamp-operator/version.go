package main

import "runtime/debug"

// buildVersion is set by -ldflags "-X main.buildVersion=…" in released builds.
var buildVersion string

// version is the version of this binary: as it was set at the build, or that of the module.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
