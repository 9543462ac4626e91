package main

import (
	"fmt"
	"strconv"
)

// number is the value of a flag that is a whole number, with an error for people.
type number struct {
	value *int
	least int
	most  int
}

func (n number) String() string {
	if n.value == nil {
		return ""
	}
	return strconv.Itoa(*n.value)
}

// Set implements pflag.Value.
func (n number) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err != nil || v < n.least || v > n.most {
		return fmt.Errorf("write a whole number from %d to %d", n.least, n.most)
	}
	*n.value = v
	return nil
}

// Type is the word that the help shows.
func (number) Type() string { return "number" }
