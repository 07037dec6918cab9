package terminal

import (
	"fmt"
	"time"
)

// forgeries counts messages that nobody signed, so that a flood of them is one alarm a minute.
type forgeries struct {
	said time.Time
	n    int
}

const forgeryPause = time.Minute

// count returns what to say of them, or "" when it was said just now.
func (f *forgeries) count(now time.Time) string {
	f.n++
	if since := now.Sub(f.said); since >= 0 && since < forgeryPause {
		return ""
	}
	detail := fmt.Sprintf("messages that the terminal's secret did not sign ×%d", f.n)
	f.said, f.n = now, 0
	return detail
}
