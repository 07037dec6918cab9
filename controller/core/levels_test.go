package core

import (
	"kanmon/controller/inputs"
	"kanmon/controller/wiring"
)

// Level is the state of one input, as OSDP's input status reply numbers them.
type Level = inputs.Level

// Levels.
const (
	Inactive = inputs.Inactive
	Active   = inputs.Active
	Short    = inputs.Short
	Cut      = inputs.Cut
	Faulty   = inputs.Faulty
	Unknown  = inputs.Unknown
)

// What a wiring is made of.
type (
	Wire      = inputs.Wire
	WiredDoor = wiring.Door
)
