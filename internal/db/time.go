package db

import (
	"time"

	"kanmon/internal/fault"
)

// TimeLayout is how times are kept in TEXT columns: UTC with microseconds, of one width, so that text order is
// time order.
const TimeLayout = "2006-01-02T15:04:05.000000Z"

// FormatTime returns the text of t for a column.
func FormatTime(t time.Time) string { return t.UTC().Format(TimeLayout) }

// ParseTime reads a column written with FormatTime.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(TimeLayout, s)
	return t, fault.Wrap(fault.Internal, err, "read time of a column")
}
