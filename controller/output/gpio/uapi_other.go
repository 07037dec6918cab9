//go:build !linux

package gpio

import "kanmon/internal/fault"

func request(c Config) (handle, error) {
	return nil, fault.New(fault.Unavailable, "gpio.system", "GPIO character devices are Linux's: "+c.Path)
}
