//go:build !linux

package serialport

import "errors"

// hold does nothing here: the controller runs on Linux, and Windows opens a serial port for one owner only.
type hold struct{}

func lock(string) (hold, error) { return hold{}, nil }

func (hold) checkParity() error { return nil }

func (hold) direct(RS485) error { return errors.New("only on Linux") }

func (hold) wake()    {}
func (hold) release() {}
