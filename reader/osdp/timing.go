package osdp

import "time"

// Times of the protocol.
const (
	// ReplyTimeout is how long a controller waits for the first byte of a reply after the last byte of its
	// command; add TransmitTime of what is expected.
	ReplyTimeout = 200 * time.Millisecond
	// CharacterGap is the longest nominal silence inside a frame. Adapters that deliver in lumps need more.
	CharacterGap = 20 * time.Millisecond
	// OfflineAfter is how long either side waits for a valid frame before it holds the other for lost. A
	// device ends its session after the same time without a valid secured command.
	OfflineAfter = 8 * time.Second
)

// TransmitTime is how long n bytes take at a line speed in bits per second: ten bits a byte.
func TransmitTime(n, baud int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(baud)
}

// Tenths converts a time to the protocol's units of 100 ms, rounded up and at most 65535. A positive time is never 0.
func Tenths(d time.Duration) uint16 {
	const unit = 100 * time.Millisecond
	if d <= 0 {
		return 0
	}
	if d > 0xFFFF*unit {
		return 0xFFFF
	}
	return uint16((d + unit - 1) / unit)
}
