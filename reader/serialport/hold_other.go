//go:build !linux

package serialport

// hold does nothing here: the controller runs on Linux, and Windows opens a serial port for one owner only.
type hold struct{}

func lock(string) (hold, error) { return hold{}, nil }

func (hold) wake()    {}
func (hold) release() {}
