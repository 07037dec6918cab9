// Package kernelclock asks the kernel whether anybody sets the machine's clock. It changes nothing.
package kernelclock

import "time"

// Every is how often it is worth asking.
const Every = time.Minute
