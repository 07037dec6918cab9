package kernelclock

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Set reports whether a time service disciplines the clock (adjtimex(2)). The kernel takes that back (STA_UNSYNC) when nobody has set the clock
// for some nine hours: its error, which grows by 500 ppm, is 16 s then. An error says that the kernel would not tell.
func Set() (bool, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, fmt.Errorf("ask the kernel about its clock: %w", err)
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, nil
}
