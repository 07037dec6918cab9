// Package reader says what a reader is to a controller: something that delivers presentations and can show
// an answer. It holds no policy and no storage; each kind of reader lives in a package below.
package reader

import (
	"time"

	"kanmon/reader/credential"
)

// Presentation is one card held to one reader.
type Presentation struct {
	Reader     string // name from the controller's configuration, such as "IN-1"
	Credential credential.Credential
	At         time.Time // when the reader's line delivered it
}

// Feedback is what a person at the reader sees and hears.
type Feedback uint8

// Feedbacks.
const (
	ShowGranted  Feedback = iota + 1 // green, one short beep
	ShowDenied                       // red, three short beeps
	ShowTrouble                      // amber: the system cannot decide or record
	ShowEnterPIN                     // amber, blinking, one beep: a PIN has to follow
	ShowWait                         // amber, blinking slowly, one beep: somebody or another card has to follow
)
