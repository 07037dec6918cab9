//go:build !linux

package kernelclock

import "errors"

// Set says on other systems than Linux that it cannot tell.
func Set() (bool, error) { return false, errors.ErrUnsupported }
