package demo

import (
	"regexp"
	"strings"
)

var column = regexp.MustCompile(`\S+\s*`)

// EmptyCells names the cells of a kubectl table that have nothing in them.
func EmptyCells(table string) []string {
	lines := strings.Split(strings.TrimRight(table, "\n"), "\n")
	var empty []string
	for _, line := range lines[1:] {
		for _, at := range column.FindAllStringIndex(lines[0], -1) {
			cell := ""
			if at[0] < len(line) {
				cell = strings.TrimSpace(line[at[0]:min(at[1], len(line))])
			}
			if cell == "" || cell == "<none>" {
				name, _, _ := strings.Cut(line, " ")
				empty = append(empty, name+" has no "+strings.TrimSpace(lines[0][at[0]:at[1]]))
			}
		}
	}
	return empty
}
