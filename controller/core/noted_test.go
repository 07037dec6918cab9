package core

import (
	"testing"

	"kanmon/internal/access"
	"kanmon/internal/event"
)

// R75-2: an event about a card that was presented names it and its holder; one about a stranger's names nobody, and says nothing of the number.
func TestAnEventAboutAPresentedCardNamesItsHolder(t *testing.T) {
	d := newDesk(t, sitePolicy(t, 1))
	for _, tt := range []struct {
		key          access.Key
		card, person string
	}{{keyAlways, "C-1", "P-1"}, {access.Key{9}, "", ""}} {
		d.step(Noted{Event: event.Event{Kind: event.CardLeft, Reader: "IN-1"}, Card: &Presented{Reader: "IN-1", Key: tt.key}})
		d.answer(nil)
		if e := d.last(); e.Kind != event.CardLeft || e.Card != tt.card || e.Person != tt.person {
			t.Errorf("%+v", e)
		}
	}
}
