package readers

import (
	"kanmon/controller/config"
	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/pcsc"
	"kanmon/reader/pcsc/apdu"
)

// AddPCSC takes the PC/SC readers of a configuration.
func (s *Set) AddPCSC(all []config.PCSCReader) error {
	for _, r := range all {
		plan, err := r.Plan()
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "PC/SC reader "+r.Name)
		}
		log := s.cfg.Log.With("reader", r.Name)
		d, err := pcsc.New(pcsc.Config{
			Pattern: r.Reader, Plan: plan, Signs: apdu.Model(r.Signs), LeftAfter: r.Left(), Log: log,
			Emit: func(e pcsc.Event) { tell(s, r.Name, e) },
		})
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "PC/SC reader "+r.Name)
		}
		s.Add(r.Name, d)
	}
	return nil
}

// tell says what a PC/SC reader has to say. A card that only lay there opens nothing: whoever wants to go in holds it there anew.
func tell(to reader.Sink, name string, e pcsc.Event) {
	switch e := e.(type) {
	case pcsc.Card:
		if !e.Lay {
			to.Present(reader.Presentation{Reader: name, Credential: e.Credential, Trust: e.Trust, At: e.At})
		}
	case pcsc.Failed:
		to.Fail(name, e.Err)
	case pcsc.Removed:
		to.Removed(name)
	case pcsc.Left:
		to.Left(name, e.For)
	case pcsc.Up:
		to.Up(name)
	case pcsc.Down:
		to.Down(name, e.Detail)
	}
}
