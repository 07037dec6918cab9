package broker

import "time"

// What a client other than the centre may send. A controller that drains its journal stays far below: ten thousand events a second are some
// forty full batches. Who sends more is read more slowly, and fills its own line and nobody's memory.
const (
	packetRate  = 1000     // a second
	packetBurst = 4000     // at once
	byteRate    = 32 << 20 // a second
	byteBurst   = 64 << 20 // at once
)

// pace is how much of that a client has used. The zero value has used nothing.
type pace struct {
	packets, bytes float64
	at             time.Time // as of when
}

// take counts a packet and returns how long to wait before the next one is read.
func (p *pace) take(now time.Time, size int) time.Duration {
	passed := max(0, now.Sub(p.at).Seconds())
	p.at = now
	p.packets = max(0, p.packets-passed*packetRate) + 1
	p.bytes = max(0, p.bytes-passed*byteRate) + float64(size)
	seconds := max(0, (p.packets-packetBurst)/packetRate, (p.bytes-byteBurst)/byteRate)
	return time.Duration(seconds * float64(time.Second))
}

// pause waits, unless the connection closes.
func (c *conn) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.closing:
	}
}
