package revocations

import (
	"fmt"
	"strconv"
	"time"

	"kanmon/api/message"
)

// after is how long after the action something was, as short as it is still exact enough: "+3.5 ms", "+12.3 s", "+3 min 20 s". A clock that
// is behind gives "−". A time that is not there is "".
func (p *Pages) after(l message.Lang, action, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d, sign := t.Sub(action), "+"
	if d < 0 {
		d, sign = -d, "−"
	}
	return sign + p.span(l, d)
}

func (p *Pages) span(l message.Lang, d time.Duration) string {
	text := func(key string, args ...any) string { return p.receipt.Text(l, key, args...) }
	switch {
	case d < 100*time.Millisecond:
		return text("span.ms", fmt.Sprintf("%.1f", float64(d.Microseconds())/1000))
	case d < time.Second:
		return text("span.ms", strconv.FormatInt(d.Milliseconds(), 10))
	case d < time.Minute:
		return text("span.s", fmt.Sprintf("%.1f", d.Truncate(100*time.Millisecond).Seconds()))
	case d < time.Hour:
		return text("span.min", int(d/time.Minute), int(d%time.Minute/time.Second))
	case d < 48*time.Hour:
		return text("span.h", int(d/time.Hour), int(d%time.Hour/time.Minute))
	default:
		return text("span.d", int(d/(24*time.Hour)))
	}
}
