package inputs

import (
	"fmt"
	"slices"
	"testing"
)

func TestButtonsAreTakenBeforeContactsAndOtherDevicesAreLeftAlone(t *testing.T) {
	b := NewBoard([]Point{
		{Kind: Fire, Wire: Wire{"IO-1", 4}, On: Active},
		{Kind: Contact, Wire: Wire{"IO-1", 0}, On: Active},
		{Kind: ExitButton, Wire: Wire{"IO-1", 1}, On: Active},
		{Kind: Contact, Wire: Wire{"IO-2", 0}, On: Active, Door: 1},
		{Kind: ExitButton, Wire: Wire{"IO-1", 3}, On: Active, Door: 1},
	})
	s := b.Start()
	var got []string
	for _, r := range b.Report(s, "IO-1", []Level{Active, Inactive, Active, Active, Inactive}) {
		got = append(got, fmt.Sprint(r.Point.Kind, r.Point.Door, r.Was, r.Now))
	}
	want := []string{"0 0 unknown inactive", "0 1 unknown active", "1 0 unknown active", "6 0 unknown inactive"}
	if !slices.Equal(got, want) {
		t.Fatalf("read %q, want %q", got, want)
	}
	if s[3] != Unknown { // the contact of IO-2
		t.Fatalf("state %v", s)
	}
}

// What a level means, for a point that is on when its input is active and for one that is on when it is inactive.
func TestALevelMeans(t *testing.T) {
	for level, want := range map[Level][2]Sense{
		Active: {On, Off}, Inactive: {Off, On}, Short: {Trouble, Trouble}, Cut: {Trouble, Trouble}, Faulty: {Trouble, Trouble}, Unknown: {Silent, Silent},
	} {
		for i, on := range []Level{Active, Inactive} {
			r := Reading{Point: Point{On: on}, Now: level}
			if r.Sense() != want[i] {
				t.Errorf("%v, on when %v: %v, want %v", level, on, r.Sense(), want[i])
			}
		}
	}
}

func TestAButtonIsPressedOnlyByGoingDownBeforeOurEyes(t *testing.T) {
	for _, c := range []struct {
		was, now Level
		want     bool
	}{
		{Inactive, Active, true},
		{Active, Active, false},
		{Unknown, Active, false}, // the return of a line
		{Cut, Active, true},
		{Inactive, Short, false},
		{Active, Inactive, false},
	} {
		if got := (Reading{Point: Point{On: Active}, Was: c.was, Now: c.now}).Pressed(); got != c.want {
			t.Errorf("%v to %v: pressed %v", c.was, c.now, got)
		}
	}
}

func TestAFaultIsNewOnce(t *testing.T) {
	b := NewBoard([]Point{{Kind: Contact, Wire: Wire{"IO-1", 0}, On: Active}, {Kind: Lock, Wire: Wire{"IO-1", 1}, On: Active}})
	s := b.Start()
	var got []string
	for _, levels := range [][]Level{{Cut, Active}, {Cut, Active}, {Short, Active}, {Inactive}, {Cut, Inactive}} {
		for _, r := range b.Report(s, "IO-1", levels) {
			if r.NewFault() {
				got = append(got, r.Fault())
			}
		}
	}
	if want := []string{"input 0: cut", "input 0: short", "input 1: fault", "input 0: cut"}; !slices.Equal(got, want) {
		t.Fatalf("faults %q, want %q", got, want)
	}
}

func TestALostDeviceIsForgotten(t *testing.T) {
	b := NewBoard([]Point{{Kind: Contact, Wire: Wire{"IO-1", 0}, On: Active}, {Kind: Contact, Wire: Wire{"IO-2", 0}, On: Active}})
	s := b.Start()
	b.Report(s, "IO-1", []Level{Active})
	b.Report(s, "IO-2", []Level{Active})
	if r := b.Lost(s, "IO-1"); len(r) != 1 || r[0].Sense() != Silent || r[0].Was != Active || !slices.Equal(s, State{Unknown, Active}) {
		t.Fatalf("readings %+v, state %v", r, s)
	}
}
