package cluster

import "github.com/wamp-operator/wamp-operator/router/wamp"

// plainCallee is embedded by callees that know no progressive calls and no canceling.
type plainCallee struct{}

func (plainCallee) Continue(*Delivery) error     { return nil }
func (plainCallee) Interrupt(*Interruption) bool { return false }

// plainCaller is embedded by callers that wait for their answer, whatever comes.
type plainCaller struct{}

func (plainCaller) Open() bool   { return true }
func (plainCaller) Sent(uint64)  {}
func (plainCaller) Room() Waiter { return nil }

func (silentHost) Meta(*MetaEvent)                 {}
func (silentHost) Message(string, wamp.ID, []byte) {}
func (silentHost) Revoke(string, wamp.ID, wamp.ID) {}
func (silentHost) Kept(string, func(*Event) bool)  {}
func (silentHost) Keep(string, *Event)             {}
