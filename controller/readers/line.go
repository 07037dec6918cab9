package readers

import (
	"context"

	"kanmon/controller/config"
	"kanmon/internal/fault"
	"kanmon/reader/line"
	"kanmon/reader/serialport"
)

// AddSerial takes the serial readers of a configuration.
func (s *Set) AddSerial(all []config.SerialReader) error {
	for _, r := range all {
		codec, err := r.Codec()
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "serial reader "+r.Name)
		}
		port, log := r.Line(), s.cfg.Log.With("reader", r.Name)
		if err := port.Validate(); err != nil {
			return fault.Wrap(fault.Invalid, err, "serial reader "+r.Name)
		}
		s.Add(r.Name, line.New(line.Config{
			Name: r.Name, Codec: codec, Sink: s, Log: log,
			Open: func(ctx context.Context) (line.Port, error) { return serialport.Await(ctx, port, log) },
		}))
	}
	return nil
}
