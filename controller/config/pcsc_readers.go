package config

import (
	"fmt"
	"strconv"
	"time"

	"kanmon/internal/fault"
	"kanmon/reader/pcsc/apdu"
)

// PCSCReader is one PC/SC reader (package pcsc), on USB as a rule.
type PCSCReader struct {
	Name string `json:"name"` // unique among all devices; the name doors are given at the centre
	// Reader is its name in PC/SC. * stands for any characters: the numbers at the end change with the order of plugging in. No name fits the patterns of two
	// readers: which of them it was would be chance, and the one before a door might become the one that lets people out.
	Reader string `json:"reader"`
	// FeliCa is what is read of FeliCa cards; without it, and of a card that says that it has no such service, their IDm is.
	FeliCa *FeliCa `json:"felica,omitempty"`
	Signs  string  `json:"signs,omitempty"` // acr1252 or acr122: by which commands it shows colours and beeps; empty: not at all
	// LeftAfterSeconds is how long a card may lie on the reader before that is an alarm; 0: for ever.
	LeftAfterSeconds int `json:"left_after_seconds,omitempty"`
}

// FeliCa is a service that is read without encryption.
type FeliCa struct {
	System  string `json:"system"`           // system code, 4 hex digits
	Service string `json:"service"`          // service code, 4 hex digits, as FeliCa writes it: 1A8B, sent as 8B 1A
	Blocks  []int  `json:"blocks"`           // numbers, 1 to 4 of them
	From    int    `json:"from,omitempty"`   // first byte taken of the blocks put together
	Length  int    `json:"length,omitempty"` // bytes taken, at most 28; 0: all from there
	By      string `json:"by,omitempty"`     // how the reader takes commands: transparent (or empty), direct, file
}

// mostLeft bounds LeftAfterSeconds: a day.
const mostLeft = 24 * 60 * 60

// Left is how long a card may lie there.
func (r PCSCReader) Left() time.Duration { return time.Duration(r.LeftAfterSeconds) * time.Second }

// Plan is what is read of a card. An error names the field.
func (r PCSCReader) Plan() (apdu.Plan, error) {
	f := r.FeliCa
	if f == nil {
		return apdu.Plan{}, nil
	}
	bad := func(text string) (apdu.Plan, error) {
		return apdu.Plan{}, fault.BadField("felica", "config.felica", text)
	}
	system, err := code(f.System)
	if err != nil {
		return bad("system " + err.Error())
	}
	service, err := code(f.Service)
	if err != nil {
		return bad("service " + err.Error())
	}
	s := apdu.Service{System: system, Service: service, From: f.From, Length: f.Length}
	for _, n := range f.Blocks {
		if n < 0 || n > 255 {
			return bad(fmt.Sprintf("block %d", n))
		}
		s.Blocks = append(s.Blocks, byte(n))
	}
	plan := apdu.Plan{Service: &s, By: apdu.Dialect(f.By)}
	if err := s.Check(plan.By); err != nil {
		return bad(err.Error())
	}
	return plan, nil
}

func code(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 16, 16)
	if err != nil || len(s) != 4 {
		return 0, fmt.Errorf("%.10q is 4 hex digits", s)
	}
	return uint16(n), nil
}

// addPCSCReader checks one reader by itself.
func (p plan) addPCSCReader(r PCSCReader) error {
	switch {
	case r.Reader == "":
		return fault.BadField("reader", "config.reader", fmt.Sprintf("PC/SC reader %s: its name in PC/SC is missing", r.Name))
	case !apdu.Model(r.Signs).Known():
		return fault.BadField("signs", "config.signs", fmt.Sprintf("PC/SC reader %s: signs %.20q is acr1252, acr122 or empty", r.Name, r.Signs))
	case r.LeftAfterSeconds < 0 || r.LeftAfterSeconds > mostLeft:
		return fault.BadField("left_after_seconds", "config.left", fmt.Sprintf("PC/SC reader %s: left_after_seconds is 0–%d", r.Name, mostLeft))
	}
	_, err := r.Plan()
	return fault.Wrap(fault.Invalid, err, "PC/SC reader "+r.Name)
}

// addPCSCReaders checks all readers, and that none could be taken for another.
func (p plan) addPCSCReaders(all []PCSCReader) error {
	for i, r := range all {
		if err := p.addPCSCReader(r); err != nil {
			return err
		}
		for _, other := range all[:i] {
			if meet(r.Reader, other.Reader) {
				return fault.BadField("reader", "config.reader", fmt.Sprintf("PC/SC readers %s and %s: one name fits both", other.Name, r.Name))
			}
		}
	}
	return nil
}

// meet reports whether some name fits two patterns, in which * stands for any characters.
func meet(a, b string) bool {
	rest := make([]bool, len(b)+1) // by where b goes on, whether what is left of both meets; for the end of a at first
	for j := len(b); j >= 0; j-- {
		rest[j] = j == len(b) || b[j] == '*' && rest[j+1]
	}
	for i := len(a) - 1; i >= 0; i-- {
		next := make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch in := j < len(b); {
			case a[i] == '*':
				next[j] = rest[j] || in && next[j+1]
			case in && b[j] == '*':
				next[j] = next[j+1] || rest[j]
			default:
				next[j] = in && a[i] == b[j] && rest[j+1]
			}
		}
		rest = next
	}
	return rest[0]
}
