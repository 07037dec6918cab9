package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kanmon/controller/core"
	"kanmon/controller/inputs"
	"kanmon/internal/access"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/credential"
	"kanmon/reader/osdp"
	"kanmon/reader/osdp/bus"
)

func hashKey(t testing.TB) credential.HashKey {
	t.Helper()
	k, err := credential.NewHashKeys([][]byte{[]byte(strings.Repeat("k", 32)), []byte(strings.Repeat("l", 32))})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rawCard(t testing.TB, number byte, count int, bits ...byte) osdp.RawCard {
	t.Helper()
	c, err := osdp.NewRawCard(number, 0, count, bits)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read is a card at a reader, as a key with two layers hashes it.
func read(t testing.TB, reader, written string) core.Presented {
	t.Helper()
	c, err := credential.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	forms := hashKey(t).Forms(c.Key(hashKey(t)))
	return core.Presented{Reader: reader, Key: forms[0], Older: []access.Key{c.Key(hashKey(t))}, Trust: access.TrustMutual, Shape: access.Shape{Format: "bits", Bits: 26, Parity: "right"}}
}

func TestEventsOfTheLineBecomeInputs(t *testing.T) {
	for name, c := range map[string]struct {
		event bus.Event
		want  core.Input
	}{
		"card":            {bus.Card{Device: "IN-1", Card: rawCard(t, 0, 26, 0xbd, 0xd9, 0x37, 0x40)}, read(t, "IN-1", "bits:26:bdd93740")},
		"second reader":   {bus.Card{Device: "IN-1", Card: rawCard(t, 1, 26, 0xbd, 0xd9, 0x37, 0x40)}, read(t, "IN-1#1", "bits:26:bdd93740")},
		"too many bits":   {bus.Card{Device: "IN-1", Card: rawCard(t, 0, 264, make([]byte, 33)...)}, core.Presented{Reader: "IN-1", Key: access.Key{}}},
		"online":          {bus.Online{Device: "IN-1"}, core.DeviceUp{Device: "IN-1"}},
		"offline":         {bus.Offline{Device: "IN-1"}, core.DeviceDown{Device: "IN-1"}},
		"alarm":           {bus.Alarm{Device: "IN-1", Kind: bus.MACFailed, Detail: "x", Count: 2}, core.DeviceAttacked{Device: "IN-1", Detail: "mac_failed ×2: x"}},
		"local":           {bus.Local{Device: "IN-1", Status: osdp.LocalStatus{Tamper: true, PowerFailure: true}}, core.DeviceLocal{Device: "IN-1", Tamper: true, Power: true}},
		"keys, not shown": {bus.Keys{Device: "IN-1"}, core.KeysPressed{Reader: "IN-1"}},
	} {
		got, ok := translate(c.event, hashKey(t))
		if !ok || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.want) {
			t.Errorf("%s: %#v, want %#v", name, got, c.want)
		}
	}
	in, ok := translate(bus.Inputs{Device: "IO-1", States: osdp.InputStatus{0, 1, 2, 3, 4, 5, 99}}, hashKey(t))
	if want := []inputs.Level{inputs.Inactive, inputs.Active, inputs.Short, inputs.Cut, inputs.Faulty, inputs.Unknown, inputs.Unknown}; !ok || !slices.Equal(in.(core.InputsReported).Levels, want) {
		t.Errorf("levels %v, want %v", in, want)
	}
	if in, ok := translate(bus.Outputs{Device: "IO-1"}, hashKey(t)); ok {
		t.Errorf("outputs became %v", in)
	}
}

// wireTap is a line that counts what it was asked to do.
type wireTap struct{ did []string }

func (w *wireTap) Do(_ context.Context, device string, _ bus.Command) error {
	w.did = append(w.did, device)
	return nil
}

func TestCommandsFindTheLineOfTheirDevice(t *testing.T) {
	one, two := &wireTap{}, &wireTap{}
	l := lines{"IN-1": one, "IO-1": two}
	if err := l.Output(t.Context(), "IO-1", osdp.Output{Control: osdp.OutputOff}); err != nil {
		t.Fatal(err)
	}
	if err := l.Show(t.Context(), "IN-1", reader.ShowDenied); err != nil {
		t.Fatal(err)
	}
	if len(two.did) != 1 || len(one.did) != 2 { // a light and a sound
		t.Fatalf("lines did %v and %v", one.did, two.did)
	}
}

func TestAnUnknownDeviceIsAnError(t *testing.T) {
	if err := (lines{}).Show(t.Context(), "IN-1", reader.ShowGranted); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("err %v", err)
	}
	if err := (lines{}).Output(t.Context(), "IO-1", osdp.Output{}); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("err %v", err)
	}
}

func TestPeopleSeeAndHearTheAnswer(t *testing.T) {
	for f, want := range map[reader.Feedback]struct {
		colour osdp.Colour
		beeps  byte
	}{reader.ShowGranted: {osdp.Green, 1}, reader.ShowDenied: {osdp.Red, 3}, reader.ShowTrouble: {osdp.Amber, 1}} {
		led, sound := feedback(f)
		if led.Temporary.On != want.colour || led.Temporary.OnTime == 0 || led.Timer != 20 || led.Permanent.Control != osdp.LEDLeave || sound.Count != want.beeps {
			t.Errorf("feedback %d: %+v %+v", f, led, sound)
		}
	}
}
