package router

import (
	"testing"
	"time"
)

// A storm of failed log-ins is counted whole and logged in part, and no line is lost without being
// mentioned.
func TestLoginsAreLoggedInMeasure(t *testing.T) {
	var l logins
	now := time.Now()
	key := login{realm: "realm1", method: "ticket", result: loginDenied}
	logged := 0
	for range 100 {
		if log, _ := l.count(key, now); log {
			logged++
		}
	}
	if logged != loginLines {
		t.Errorf("%d lines in one second", logged)
	}
	if log, leftOut := l.count(key, now.Add(time.Second)); !log || leftOut != 100-loginLines {
		t.Errorf("a second later: logged %v, %d left out", log, leftOut)
	}
	if log, _ := l.count(login{result: loginOK}, now.Add(time.Minute)); log {
		t.Error("a log-in that went well is logged")
	}
	l.each(func(got login, n uint64) {
		if got == key && n != 101 {
			t.Errorf("%d were counted", n)
		}
	})
}
