package pcsc

import (
	"errors"
	"time"

	"github.com/ebfe/scard"
)

// daemon is PC/SC as this package uses it: pcscd, or the service of Windows.
type daemon interface{ open() (session, error) }

// session is a context. It is for one goroutine: a call waits for any other on the same context.
type session interface {
	readers() ([]string, error)
	// wait returns when a reader is not as known, or after a time as it is.
	wait(reader string, known state, d time.Duration) (state, error)
	connect(reader string) (card, error)
	// escape sends commands to the reader itself, card or none, and gives the answers.
	escape(reader string, commands [][]byte) ([][]byte, error)
	close()
}

type card interface {
	transmit(command []byte) ([]byte, error)
	close()
}

// state is a reader as PC/SC shows it.
type state struct {
	raw scard.StateFlag // with the count of insertions and removals in its upper half
	atr string
}

func (s state) present() bool { return s.raw&scard.StatePresent != 0 }
func (s state) mute() bool    { return s.raw&scard.StateMute != 0 }

// changes counts insertions and removals. (flags)
func (s state) changes() uint16 { return uint16(s.raw >> 16) }

var (
	errGone  = errors.New("the reader is gone")
	errState = errors.New("the reader's state makes no sense")
)

// check finds a reader that is there no more, and one of which PC/SC says both that a card is there and that none is, or neither.
func (s state) check() error {
	if s.raw&(scard.StateUnknown|scard.StateUnavailable|scard.StateIgnore) != 0 {
		return errGone
	}
	if s.present() == (s.raw&scard.StateEmpty != 0) {
		return errState
	}
	return nil
}

// winscard is the machine's PC/SC.
type winscard struct{}

func (winscard) open() (session, error) {
	c, err := scard.EstablishContext()
	if err != nil {
		return nil, err
	}
	return winContext{c}, nil
}

type winContext struct{ *scard.Context }

func (c winContext) close() { _ = c.Release() } // a context that is dead cannot be released

func (c winContext) readers() ([]string, error) {
	all, err := c.ListReaders()
	if errors.Is(err, scard.ErrNoReadersAvailable) {
		return nil, nil
	}
	return all, err
}

func (c winContext) wait(reader string, known state, d time.Duration) (state, error) {
	asked := []scard.ReaderState{{Reader: reader, CurrentState: known.raw}}
	err := c.GetStatusChange(asked, d)
	if errors.Is(err, scard.ErrTimeout) {
		return known, nil
	}
	if err != nil {
		return known, err
	}
	return state{asked[0].EventState &^ scard.StateChanged, string(asked[0].Atr)}, nil
}

func (c winContext) connect(reader string) (card, error) {
	k, err := c.Connect(reader, scard.ShareShared, scard.ProtocolAny)
	if err != nil {
		return nil, err
	}
	return winCard{k}, nil
}

type winCard struct{ *scard.Card }

func (k winCard) close() { _ = k.Disconnect(scard.LeaveCard) } // it may be gone

// transmit refuses what the library would panic at: a card of no protocol.
func (k winCard) transmit(command []byte) ([]byte, error) {
	if p := k.ActiveProtocol(); p != scard.ProtocolT0 && p != scard.ProtocolT1 {
		return nil, errors.New("the card has no protocol")
	}
	return k.Transmit(command)
}

func (c winContext) escape(reader string, commands [][]byte) (answers [][]byte, err error) {
	k, err := c.Connect(reader, scard.ShareShared, scard.ProtocolAny)
	through := err == nil // with a card there, a pseudo-APDU goes the way of the card's
	if !through {
		k, err = c.Connect(reader, scard.ShareDirect, scard.ProtocolUndefined)
	}
	if err != nil {
		return nil, err
	}
	defer winCard{k}.close()
	for _, command := range commands {
		var a []byte
		if through && command[0] == 0xFF {
			a, err = winCard{k}.transmit(command)
		} else {
			a, err = k.Control(scard.CtlCode(escapeCode), command)
		}
		if err != nil {
			return answers, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}
