package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// makeCgroups makes the parent cgroup of each node: kubelets expect theirs to exist.
func makeCgroups(list []node) error {
	for _, n := range list {
		if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
			if err := makeUnifiedCgroup(n.Cgroup()); err != nil {
				return err
			}
			continue
		}
		hierarchies, err := os.ReadDir(cgroupRoot)
		if err != nil {
			return err
		}
		for _, h := range hierarchies {
			// Links are other names of a hierarchy ("cpu" for "cpu,cpuacct").
			if !h.IsDir() || h.Name() == "unified" {
				continue
			}
			if err := makeLegacyCgroup(filepath.Join(cgroupRoot, h.Name()), n.Cgroup()); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeLegacyCgroup makes a cgroup of version 1. A new one has no processors or memory nodes, and
// takes no process until it has.
func makeLegacyCgroup(hierarchy, cgroup string) error {
	dir := hierarchy
	for _, elem := range strings.Split(strings.Trim(cgroup, "/"), "/") {
		parent := dir
		dir = filepath.Join(dir, elem)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making a cgroup: %w", err)
		}
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(parent, file))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, file), value, 0o644); err != nil {
				return fmt.Errorf("setting %s of cgroup %s: %w", file, dir, err)
			}
		}
	}
	return nil
}

// makeUnifiedCgroup makes a cgroup of version 2, where a controller must be handed down level by
// level.
func makeUnifiedCgroup(cgroup string) error {
	dir := cgroupRoot
	for _, elem := range strings.Split(strings.Trim(cgroup, "/"), "/") {
		available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		if err != nil {
			return err
		}
		enabled, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
		if err != nil {
			return err
		}
		for _, controller := range strings.Fields(string(available)) {
			if slices.Contains(strings.Fields(string(enabled)), controller) {
				continue
			}
			err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
			if err != nil && slices.Contains([]string{"cpu", "cpuset", "memory", "pids"}, controller) {
				return fmt.Errorf("handing the %s controller down from cgroup %s: %w (in a container, processes in its top cgroup stand in the way: move them to a cgroup below it)", controller, dir, err)
			}
		}
		dir = filepath.Join(dir, elem)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making a cgroup: %w", err)
		}
	}
	return nil
}

// removeCgroups removes what makeCgroups and the kubelets made. The last processes may take a
// moment to leave after they have been killed.
func removeCgroups() error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := removeCgroupTrees()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func removeCgroupTrees() error {
	tops, err := filepath.Glob(filepath.Join(cgroupRoot, "*", cgroupTop))
	if err != nil {
		return err
	}
	tops = append(tops, filepath.Join(cgroupRoot, cgroupTop))
	var problems []error
	for _, top := range tops {
		var dirs []string
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		slices.Reverse(dirs) // children come after their parent in the walk
		for _, dir := range dirs {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, err)
			}
		}
	}
	return errors.Join(problems...)
}
