package keychange

import (
	"fmt"
	"strings"

	"kanmon/api/sitekey"
	"kanmon/internal/fault"
	"kanmon/lifecycle/device"
)

// Kind is which key is replaced, by the name of its sealed file.
type Kind string

// Kinds.
const (
	Command   Kind = "command-key"
	Authority Kind = "device-ca"
	HashKey   Kind = "credential-hash-key"
)

// change is what differs from kind to kind.
type change struct {
	rotation  func(*sitekey.Keys) sitekey.Rotation
	said      func(device.Believes) []string          // ids of those that a controller has
	by        func(device.Believes) []string          // whose certificate it has; nil where certificates do not matter
	mayRetire func(serving string, heard Heard) error // the key before the one that serves
	policies  bool                                    // a new key means new policies
	serving   string                                  // how those that serve are called
}

var changes = map[Kind]change{Command: command, Authority: authority, HashKey: hashKey}

// command is the key that signs what the centre sends. It is used only when every controller believes it. The one before is retired only when all
// believe the one that signs, and have a policy that it signed: they judge by it after a restart, and cannot read it under a key that they believe
// no longer. Who misses a forced step learns of it later by the words of the older keys, unless it misses many, and takes nothing new from the
// centre until then.
var command = change{
	rotation: (*sitekey.Keys).CommandRotation, said: commandKeys, mayRetire: mayRetireCommandKey, policies: true, serving: "present",
}

func commandKeys(b device.Believes) []string { return b.CommandKeys }

func mayRetireCommandKey(signs string, heard Heard) error {
	if err := allHave(heard.Believed, signs, commandKeys); err != nil || len(heard.Behind) == 0 {
		return err
	}
	return fault.New(fault.Conflict, "sitekey.policy", fmt.Sprintf("not yet: %s do not have the newest policy, and the one they have may be signed "+
		"by the key before (-force goes on without them)", strings.Join(heard.Behind, ", ")))
}

// authority is the device authority. The new one is used only when every controller trusts it: who does not cannot even ask any more, and has to
// enrol again. The one before is retired only when every controller has a certificate by the new one.
var authority = change{
	rotation: (*sitekey.Keys).AuthorityRotation, said: authorities, by: issuer, mayRetire: mayRetireAuthority, serving: "present",
}

func authorities(b device.Believes) []string { return b.Authorities }

func issuer(b device.Believes) []string { return []string{b.Issuer} }

func mayRetireAuthority(issues string, heard Heard) error {
	m := missing(heard.Believed, issues, issuer)
	if len(m) == 0 {
		return nil
	}
	return fault.New(fault.Conflict, "sitekey.certificate",
		fmt.Sprintf("not yet: %s have no certificate by the authority %s (-force goes on without them)", strings.Join(m, ", "), issues))
}

// hashKey is the key under which card numbers are hashed. A new one is a further layer, and none is ever retired. It is used only when every
// controller has it: who has not knows no card by the policies that are made then, and lets nobody in.
var hashKey = change{rotation: (*sitekey.Keys).HashKeyRotation, said: hashKeys, policies: true, serving: "in use"}

func hashKeys(b device.Believes) []string { return b.HashKeys }
