// Package wiring says what is connected to a controller, as its core needs to know it. It is pure.
package wiring

import (
	"time"

	"kanmon/controller/door"
	"kanmon/controller/fit"
	"kanmon/controller/inputs"
)

// Wiring is everything that is connected.
type Wiring struct {
	Doors    []Door
	Devices  []string        // names of all readers, I/O devices, relay boards and GPIO chips
	Bare     map[string]bool // devices whose line has no secure channel: relay boards, GPIO chips
	Cabinet  []inputs.Point  // what belongs to no door
	Software string          // version of the program, for status and the started event
}

// Door is one door's inputs; its strike belongs to the driver.
type Door struct {
	ID          string
	Contact     *inputs.Wire // nil: the door has none, and is never forced, held or opened
	OpenWhen    inputs.Level // Inactive or Active: how the contact's input reads while the door is open
	ExitButton  *inputs.Wire // nil: none, or not seen by us
	Lock        *inputs.Wire // nil: the lock says nothing of itself
	LockedWhen  inputs.Level // Inactive or Active
	ExitReaders []string

	Strike      string // device that carries the strike
	SelfLocking bool   // a release ends when the program dies
	Latching    bool   // a release ends when the lock is told
}

// Times are the settings of the door with a release and a held time.
func (d Door) Times(release, held time.Duration) door.Settings {
	return door.Settings{Release: release, Held: held, Warn: door.WarnBefore(held), Latching: d.Latching}
}

// Board is all inputs.
func (w Wiring) Board() inputs.Board {
	var all []inputs.Point
	add := func(kind inputs.Kind, at *inputs.Wire, on inputs.Level, number int) {
		if at != nil {
			all = append(all, inputs.Point{Kind: kind, Wire: *at, On: on, Door: number})
		}
	}
	for i, d := range w.Doors {
		add(inputs.ExitButton, d.ExitButton, inputs.Active, i)
		add(inputs.Contact, d.Contact, d.OpenWhen, i)
		add(inputs.Lock, d.Lock, d.LockedWhen, i)
	}
	return inputs.NewBoard(append(all, w.Cabinet...))
}

// Strikes are what package fit has to know, and the readers that the wiring itself names.
func (w Wiring) Strikes() (strikes []fit.Door, readers []string) {
	for _, d := range w.Doors {
		strikes = append(strikes, fit.Door{ID: d.ID, Device: d.Strike, SelfLocking: d.SelfLocking})
		readers = append(readers, d.ExitReaders...)
	}
	return strikes, readers
}
