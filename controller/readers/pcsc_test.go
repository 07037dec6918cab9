package readers

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/pcsc"
)

// heard is a sink that writes down what it is told.
type heard []string

func (h *heard) say(format string, args ...any) { *h = append(*h, fmt.Sprintf(format, args...)) }

func (h *heard) Present(p reader.Presentation)         { h.say("%s present %s", p.Reader, p.Trust) }
func (h *heard) Fail(name string, err error)           { h.say("%s fail %v", name, err) }
func (h *heard) Removed(name string)                   { h.say("%s removed", name) }
func (h *heard) Left(name string, after time.Duration) { h.say("%s left %v", name, after) }
func (h *heard) Up(name string)                        { h.say("%s up", name) }
func (h *heard) Down(name, detail string)              { h.say("%s down %s", name, detail) }

// A card that lay in the reader when it came back was held there by nobody: it opens no door. All else goes on as it is.
func TestACardThatOnlyLayInAReaderIsNotPresented(t *testing.T) {
	c, err := credential.Parse("uid:32:11223344")
	if err != nil {
		t.Fatal(err)
	}
	var h heard
	for _, e := range []pcsc.Event{
		pcsc.Up{Name: "R 00 00"},
		pcsc.Card{Credential: c, Trust: access.TrustNumber, Lay: true},
		pcsc.Removed{},
		pcsc.Card{Credential: c, Trust: access.TrustNumber},
		pcsc.Left{For: time.Minute},
		pcsc.Failed{Err: errors.New("slow")},
		pcsc.Down{Detail: "gone"},
	} {
		tell(&h, "PC-1", e)
	}
	want := []string{"PC-1 up", "PC-1 removed", "PC-1 present number", "PC-1 left 1m0s", "PC-1 fail slow", "PC-1 down gone"}
	if !slices.Equal(h, want) {
		t.Errorf("%q", h)
	}
}
