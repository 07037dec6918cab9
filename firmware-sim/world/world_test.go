package world

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/pd"
	"kanmon/reader/osdp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	cardText = "bits:26:bdd93740"
	keyText  = "9f3b6a1c5d7e80246b1f0c3a9d8e7f52"
)

func device(t *testing.T, c pd.Config) *pd.Device {
	t.Helper()
	key, err := osdp.ParseKey(keyText)
	if err != nil {
		t.Fatal(err)
	}
	c.Key = key
	d, err := pd.New(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func devices(t *testing.T) []*pd.Device {
	t.Helper()
	return []*pd.Device{
		device(t, pd.Config{Name: "IN-1", Address: 1, Readers: 1}),
		device(t, pd.Config{Name: "IO-1", Address: 3, Inputs: 2, Outputs: 1}),
	}
}

var oneDoor = Door{ID: "D-1", Reader: "IN-1", Device: "IO-1", Strike: 0, Contact: 0, Button: 1}

func small(t *testing.T) *World {
	t.Helper()
	w, err := New(devices(t), nil, []Door{oneDoor}, Alarms{}, map[string]string{"佐藤": cardText, "鈴木": "bits:8:01"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestDoorThatHangsOnNothingIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Door){
		"no such reader":            func(d *Door) { d.Reader = "IN-9" },
		"no such device":            func(d *Door) { d.Device = "IO-9" },
		"a strike too many":         func(d *Door) { d.Strike = 1 },
		"a contact too many":        func(d *Door) { d.Contact = 2 },
		"a button before the first": func(d *Door) { d.Button = -1 },
	} {
		d := oneDoor
		change(&d)
		if _, err := New(devices(t), nil, []Door{d}, Alarms{}, nil); err == nil || !strings.Contains(err.Error(), "D-1") {
			t.Errorf("%s: %v, want an error about D-1", name, err)
		}
	}
}

func TestBrokenCardIsNamedAndItsNumberIsNot(t *testing.T) {
	_, err := New(nil, nil, nil, Alarms{}, map[string]string{"佐藤": "bits:26:bdd937zz"})
	if err == nil || !strings.Contains(err.Error(), "佐藤") || strings.Contains(err.Error(), "bdd937") {
		t.Errorf("%v, want an error about 佐藤 without its number", err)
	}
}

func TestWhatIsNotThereIsAnsweredWithWhatIs(t *testing.T) {
	w := small(t)
	for _, c := range []struct {
		r    control.Request
		want []string
	}{
		{control.Request{Op: control.Tap, Reader: "IN-9", Card: "佐藤"}, []string{`no reader "IN-9"`}},
		{control.Request{Op: control.Tap, Reader: "IN-1", Card: "髙橋"}, []string{`no card "髙橋"`, "佐藤, 鈴木"}},
		{control.Request{Op: control.Unplug, Device: "IN-9"}, []string{`no device "IN-9"`, "IN-1, IO-1"}},
		{control.Request{Op: control.Open, Door: "D-9"}, []string{`no door "D-9"`}},
		{control.Request{Op: control.Noise}, []string{"no line"}},
		{control.Request{Op: "dance"}, []string{`unknown operation "dance"`}},
		{control.Request{}, []string{"unknown operation"}},
	} {
		a := w.Handle(t.Context(), c.r)
		for _, part := range c.want {
			if !strings.Contains(a.Error, part) {
				t.Errorf("%+v: answered %q, want %q", c.r, a.Error, part)
			}
		}
	}
}

func TestDeviceThatIsUnpluggedFallsSilentUntilItIsPluggedIn(t *testing.T) {
	w := small(t)
	for _, c := range []struct {
		op    control.Op
		muted bool
	}{{control.Unplug, true}, {control.Unplug, true}, {control.Plug, false}} {
		if a := w.Handle(t.Context(), control.Request{Op: c.op, Device: "IN-1"}); a.Error != "" {
			t.Fatal(a.Error)
		}
		if got := w.Device("IN-1").Snapshot().Muted; got != c.muted {
			t.Errorf("after %s the reader is silent: %v", c.op, got)
		}
	}
	if w.Device("IO-1").Snapshot().Muted {
		t.Error("the other device fell silent too")
	}
}

func TestOpenedCoverIsReported(t *testing.T) {
	w := small(t)
	before := w.Device("IN-1").Snapshot().Waiting
	w.Handle(t.Context(), control.Request{Op: control.Tamper, Device: "IN-1"})
	if after := w.Device("IN-1").Snapshot().Waiting; after != before+1 {
		t.Errorf("%d reports wait, before it were %d", after, before)
	}
}

func TestPushedDoorMovesItsContact(t *testing.T) {
	w := small(t)
	for op, want := range map[control.Op]bool{control.Open: true, control.Close: false} {
		w.Handle(t.Context(), control.Request{Op: op, Door: "D-1"})
		if got := w.Device("IO-1").Snapshot().Inputs; !slices.Equal(got, []bool{want, false}) {
			t.Errorf("after %s the inputs are %v", op, got)
		}
	}
}

// R121-1: the building's alarms are raised and cleared, each at its own input and at no other.
func TestFireAndGasAreRaisedAndCleared(t *testing.T) {
	io := device(t, pd.Config{Name: "IO-1", Address: 3, Inputs: 4, Outputs: 1})
	w, err := New([]*pd.Device{device(t, pd.Config{Name: "IN-1", Address: 1, Readers: 1}), io}, nil, []Door{oneDoor}, Alarms{Fire: &Wire{"IO-1", 2}, Gas: &Wire{"IO-1", 3}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op        control.Op
		fire, gas bool
	}{
		{control.Fire, true, false}, {control.Gas, true, true}, {control.FireClear, false, true}, {control.GasClear, false, false}, {control.GasClear, false, false},
	} {
		a := w.Handle(t.Context(), control.Request{Op: c.op})
		if got := io.Snapshot().Inputs; a.Error != "" || !slices.Equal(got, []bool{false, false, c.fire, c.gas}) {
			t.Errorf("after %s the inputs are %v (%s)", c.op, got, a.Error)
		}
	}
}

func TestAlarmWithoutAWireIsRefused(t *testing.T) {
	for _, op := range []control.Op{control.Fire, control.FireClear, control.Gas, control.GasClear} {
		if a := small(t).Handle(t.Context(), control.Request{Op: op}); !strings.Contains(a.Error, "no such alarm") {
			t.Errorf("%s: %q", op, a.Error)
		}
	}
	for name, alarms := range map[string]Alarms{"fire": {Fire: &Wire{"IO-1", 2}}, "gas": {Gas: &Wire{"IO-9", 0}}} {
		if _, err := New(devices(t), nil, nil, alarms, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s on nothing: %v", name, err)
		}
	}
}

func TestExitButtonIsPressedAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		done := make(chan control.Answer)
		go func() { done <- w.Handle(t.Context(), control.Request{Op: control.Exit, Door: "D-1"}) }()
		synctest.Wait()
		if got := w.Device("IO-1").Snapshot().Inputs; !slices.Equal(got, []bool{false, true}) {
			t.Errorf("while it is pressed the inputs are %v", got)
		}
		began := time.Now()
		<-done
		if got := w.Device("IO-1").Snapshot().Inputs; got[1] || time.Since(began) != pressFor {
			t.Errorf("after %v the inputs are %v", time.Since(began), got)
		}
	})
}

func TestCardAtAReaderThatNobodyAsksGetsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		began := time.Now()
		a := w.Handle(t.Context(), control.Request{Op: control.Tap, Reader: "IN-1", Card: "佐藤"})
		if !strings.Contains(a.Error, "showed nothing within 3s") || time.Since(began) != answerWithin {
			t.Errorf("after %v answered %+v", time.Since(began), a)
		}
	})
}

func TestStateNamesEveryDevice(t *testing.T) {
	a := small(t).Handle(t.Context(), control.Request{Op: control.State})
	if len(a.Lines) != 2 || !strings.HasPrefix(a.Lines[0], "IN-1") || !strings.HasPrefix(a.Lines[1], "IO-1") {
		t.Errorf("%q", a.Lines)
	}
}
