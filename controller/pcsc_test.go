package controller

import (
	"testing"
	"time"

	"kanmon/controller/controllertest"
	"kanmon/firmware-sim/vcard"
	"kanmon/firmware-sim/vreader"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/reader/credential"
	"kanmon/reader/pcsc/pcscdtest"
)

// The house of the two readers: D-1 has an OSDP reader and a PC/SC reader outside, and asks for what was read from a card's memory.
const pcscConfig = `{
	"site": "demo", "controller": "ctl-1", "data_dir": "data", "software": "1.0", "broker": {"url": "tls://127.0.0.1:1"},
	"lines": [{"port": "line0", "baud": 115200, "devices": [
		{"name": "IN-1", "address": 1, "scbk_file": "IN-1.key"}, {"name": "IO-1", "address": 4, "scbk_file": "IO-1.key"}]}],
	"pcsc_readers": [{"name": "PC-1", "reader": "Virtual PCD A * 00", "left_after_seconds": 1,
		"felica": {"system": "FE00", "service": "1A8B", "blocks": [0], "from": 2, "length": 8}}],
	"doors": [{"id": "D-1", "strike": {"device": "IO-1", "output": 0}, "contact": {"device": "IO-1", "input": 0, "open_when": 1}}]
}`

var pcscIDm = [8]byte{0x01, 0x2E, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0xDE}

func pcscCard() *vcard.FeliCa {
	return &vcard.FeliCa{IDm: pcscIDm, Systems: []vcard.System{
		{Code: 0x0003}, {Code: 0xFE00, Services: map[uint16][]vcard.Block{0x1A8B: {{0, 0, '0', '0', '0', '0', '1', '0', '0', '1'}}}},
	}}
}

// pcscSpec knows A's one card by what the OSDP reader reads of it, its IDm as 64 bits, and by the number in its memory.
func pcscSpec(t *testing.T) access.Spec {
	t.Helper()
	key, err := credential.NewHashKey(controllertest.HashKey)
	if err != nil {
		t.Fatal(err)
	}
	spec := access.Spec{
		Version: access.Version{Epoch: 1, N: 7},
		Areas:   []access.Area{{ID: "room", Grade: 2, Record: access.Strict, Rules: access.Rules{Trust: access.TrustMemory}}},
		Doors:   []access.Door{{ID: "D-1", Area: "room", EntryReads: []string{"IN-1", "PC-1"}, ReleaseMS: 1500, HeldMS: 30000}},
		Readers: []access.Reader{{Name: "PC-1", Trust: access.TrustMemory}},
		People:  []access.Person{{ID: "A", Class: access.Staff}},
		Rights:  []access.Right{{Person: "A", Area: "room"}},
	}
	for _, written := range []string{"bits:64:012e3456789abcde", "idm:64:012e3456789abcde", "felica:96:fe001a8b3030303031303031"} {
		c, err := credential.Parse(written)
		if err != nil {
			t.Fatal(err)
		}
		spec.Credentials = append(spec.Credentials, access.Credential{Key: c.Key(key), Card: "card-1", Person: "A", State: access.Active})
	}
	access.Order(&spec)
	return spec
}

// R43-2, R44-1: one card at two kinds of reader is one identity, and proves as much as each of them read.
func TestOneCardAtTwoKindsOfReaderIsOneIdentityInTwoClasses(t *testing.T) {
	d := pcscdtest.Start(t, 1)
	s := newHouse(t, pcscConfig, pcscSpec(t))
	tap := func(c vcard.Card) {
		t.Helper()
		if err := vcard.Tap(t.Context(), d, vreader.Address(0), c, 600*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	tap(pcscCard())
	s.released(0)
	s.tells("access_granted A")
	s.opensAndCloses(0)
	s.tells("door_opened A", "door_closed")
	if err := s.devices["IN-1"].Present(64, pcscIDm[:]); err != nil {
		t.Fatal(err)
	}
	s.tells("access_denied A trust_too_low")
	s.shut()
	b, err := s.edge.journal.Read(t.Context(), 0, 1000, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range b.Events {
		if e, err := event.Decode(raw); err != nil || (e.Kind == event.AccessGranted || e.Kind == event.AccessDenied) && (e.Card != "card-1" || e.Person != "A") {
			t.Errorf("%s: card %q of %q (%v)", e.Kind, e.Card, e.Person, err)
		}
	}
	s.stop()
	s.everythingAgain()
}

// Anchor 30: a read that fails midway is refused and told, and never the card's number, by which the policy knows it too.
func TestACardThatCannotBeReadIsToldAndOpensNothing(t *testing.T) {
	d := pcscdtest.Start(t, 1)
	spec := pcscSpec(t)
	spec.Areas[0].Rules.Trust = ""
	s := newHouse(t, pcscConfig, spec)
	h, err := vcard.Hold(t.Context(), d, vreader.Address(0), &vcard.Faulty{Card: pcscCard(), At: 5, Kind: vcard.Status})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Remove()
	s.tells("card_unreadable")
	s.tells("card_left") // R75-2, the card's half: it is told that a card was left
	s.shut()
	h.Remove()
	s.tells("card_taken")
	s.shut()
}
