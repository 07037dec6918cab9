// Package reader says what a reader is to a controller: something that delivers presentations and can show
// an answer. It holds no policy and no storage; each kind of reader lives in a package below.
package reader

import (
	"context"
	"errors"
	"time"

	"kanmon/internal/access"
	"kanmon/reader/credential"
)

// Presentation is one card held to one reader.
type Presentation struct {
	Reader     string // name from the controller's configuration, such as "IN-1"
	Credential credential.Credential
	Trust      access.Trust // what the driver did to read it; what counts is the least of this, the format's and the reader's profile
	At         time.Time    // when the reader's line delivered it
}

// Driver is one reader that is not on an OSDP line.
type Driver interface {
	// Run works until ctx ends, and recovers by itself from everything else: a reader that is pulled out and put back, a port that hangs up.
	Run(ctx context.Context) error
	// Show answers the person at the reader, as far as the reader can. It waits no longer than ctx.
	Show(ctx context.Context, f Feedback) error
}

// ErrNoise is in the chain of a failure that says nothing of a card: a line delivered bytes that are no whole message.
var ErrNoise = errors.New("no whole message")

// Sink takes what a driver finds. Its methods never wait, and may be called from any goroutine.
type Sink interface {
	// Present takes a card that was read to the end.
	Present(p Presentation)
	// Fail takes a card that was there and could not be read, or is no identifier. Its text goes on record: no card number is in it.
	Fail(reader string, err error)
	// Removed says that the card is gone, where the reader can tell.
	Removed(reader string)
	// Left says, once for each card, that it has been in the reader for too long.
	Left(reader string, after time.Duration)
	// Up says that the reader works; it may come again.
	Up(reader string)
	// Down says that it does not.
	Down(reader, detail string)
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
