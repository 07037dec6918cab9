package access

// Facts are what a decision depends on besides policy, request and time: what the controller knows at that moment of people, doors and
// inputs. They are small and go on record with the event, so that the decision can be made again from them (Again). The zero Facts stand for a
// quiet building.
type Facts struct {
	Trust   Trust   `json:"trust,omitempty"`   // of the read
	Shape   Shape   `json:"shape,omitzero"`    // of the read
	Typed   Typed   `json:"typed,omitempty"`   // what became of the PIN
	Lapsed  Classes `json:"lapsed,omitempty"`  // whose lease is over
	Blocked bool    `json:"blocked,omitempty"` // too many wrong PINs before
	Unfit   bool    `json:"unfit,omitempty"`   // the door's output is less secure than the area demands
	Gas     bool    `json:"gas,omitempty"`     // gas is released in the area
	Open    bool    `json:"open,omitempty"`    // another door of the interlock is not shut

	// The person at the reader: where they are as far as is known, and for how long.
	Place  Place `json:"place,omitempty"`
	SinceS int64 `json:"since_s,omitempty"` // whole seconds since they came in

	// Who else is inside the area, as far as is known; nobody where there are no readers on both sides.
	Staff    int `json:"staff,omitempty"`   // who is no visitor
	Escorts  int `json:"escorts,omitempty"` // without those at the reader
	Visitors int `json:"visitors,omitempty"`
	Coming   int `json:"coming,omitempty"` // let in, and the door not opened yet

	Party Party `json:"party,omitzero"`
}

// Party is who else was at the reader just before, within the window: who waits there, and who was let in. Those who are inside already are not counted again.
type Party struct {
	Twin     bool `json:"twin,omitempty"`     // another card of the same person
	Staff    int  `json:"staff,omitempty"`    // different people who are no visitors
	Escorts  int  `json:"escorts,omitempty"`  // who may bring visitors, also those who are inside already
	Visitors int  `json:"visitors,omitempty"` //
	First    bool `json:"first,omitempty"`    // one of them may be the first
	Recovery int  `json:"recovery,omitempty"` // recovery holders
	Waiting  int  `json:"waiting,omitempty"`  // all who wait
	Guests   int  `json:"guests,omitempty"`   // visitors who wait
}

// Place is where somebody is as far as is known.
type Place string

// Places. The zero value is not known: never seen, or in doubt.
const (
	Inside  Place = "in"
	Outside Place = "out"
)

// Typed is what became of a typed PIN.
type Typed string

// Outcomes. The zero value is that none was typed.
const (
	TypedRight  Typed = "right"
	TypedWrong  Typed = "wrong"
	TypedDuress Typed = "duress" // right, and the one for threats
)

// Right reports whether the PIN was right.
func (t Typed) Right() bool { return t == TypedRight || t == TypedDuress }

// Rank orders trust, 0 for the weakest.
func (t Trust) Rank() int {
	switch t {
	case TrustMutual:
		return 2
	case TrustMemory:
		return 1
	default:
		return 0
	}
}
