// Package fit says which doors are not wired as the grade of their area demands. In an area of grade 3 the strike hangs on the secure side,
// not on a reader's own output, where whoever takes the reader off the wall has it in the hand; and its output locks again by itself when
// the program dies. It is pure.
package fit

import (
	"strings"

	"kanmon/internal/access"
	"kanmon/internal/access/decide"
)

// Door is one door's strike.
type Door struct {
	ID          string
	Device      string // that carries its output
	SelfLocking bool   // a release ends when the program dies
}

// What is wrong with a door, for the record.
const (
	OnReader = "area of grade 3: the output is not on the secure side"
	NoTimer  = "area of grade 3: the output has no timer of its own"
)

// Check gives what is wrong with each door under a policy, empty for those that are as they should be. Readers are those that the policy
// gives to any door, and others that the wiring names.
func Check(p *decide.Policy, doors []Door, others []string) []string {
	readers := map[string]bool{}
	for _, names := range [][]string{p.Readers(), others} {
		for _, name := range names {
			device, _, _ := strings.Cut(name, "#") // a device's second reader is "name#1"
			readers[device] = true
		}
	}
	wrong := make([]string, len(doors))
	for i, d := range doors {
		switch {
		case p.Grade(d.ID) < access.Secure:
		case readers[d.Device]:
			wrong[i] = OnReader
		case !d.SelfLocking:
			wrong[i] = NoTimer
		}
	}
	return wrong
}
