package relayboard

import (
	"errors"
	"time"

	"kanmon/controller/output/modbus"
	"kanmon/internal/fault"
)

var (
	errSilent = fault.New(fault.Unavailable, "relayboard.silent", "the relay board does not answer")
	errLost   = fault.New(fault.Unavailable, "relayboard.lost", "the relay board's line is lost")
)

// line is one opening of the board's line.
type line struct {
	port Port
	lost bool
}

// command sends a request until it is confirmed, refused or has been tried often enough. What could not be sent while its caller was
// patient is not sent at all: a door does not open late.
func (l *line) command(patient func() error, r modbus.Request) (err error) {
	for range tries {
		if over := patient(); over != nil {
			return fault.Wrap(fault.Unavailable, over, "the relay board was not asked in time")
		}
		if err = l.exchange(r); err == nil || l.lost {
			return err
		}
		var refused modbus.RefusedError
		if errors.As(err, &refused) {
			return fault.Wrap(fault.Invalid, err, "relay board")
		}
	}
	return err
}

func (l *line) exchange(r modbus.Request) error {
	if !l.drain() {
		return errLost
	}
	if err := l.port.Write(r); err != nil {
		l.lost = true
		return fault.Wrap(fault.Unavailable, err, "relay board")
	}
	reply, err := l.collect(r)
	if err != nil {
		return err
	}
	if _, err := r.Reply(reply); err != nil {
		return fault.Wrap(fault.Unavailable, err, "relay board")
	}
	return nil
}

// drain throws away what came of an earlier exchange.
func (l *line) drain() bool {
	for {
		select {
		case _, ok := <-l.port.Received():
			if !ok {
				l.lost = true
				return false
			}
		default:
			return true
		}
	}
}

// collect reads as many bytes as the reply has. It has its own timeout, so that a caller who lost patience does not leave half a
// reply on the line.
func (l *line) collect(r modbus.Request) ([]byte, error) {
	var reply []byte
	late := time.NewTimer(ReplyTimeout)
	defer late.Stop()
	for len(reply) < r.Await(reply) {
		select {
		case b, ok := <-l.port.Received():
			if !ok {
				l.lost = true
				return nil, errLost
			}
			reply = append(reply, b...)
		case <-late.C:
			return nil, fault.Wrap(fault.Unavailable, errSilent, "relay board")
		}
	}
	return reply, nil
}
