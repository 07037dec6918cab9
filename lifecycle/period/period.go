// Package period is the validity of a right, a card or a member of staff: from a moment (inclusive) until a
// moment (exclusive), either side open.
package period

import (
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/store"
)

// Period is a validity. A zero time is open.
type Period struct {
	From  time.Time
	Until time.Time
}

// Check refuses a period that ends before it begins, and years no calendar of ours can hold.
func (p Period) Check() error {
	for field, t := range map[string]time.Time{"from": p.From, "until": p.Until} {
		if !t.IsZero() && (t.Year() < 2000 || t.Year() > 2999) {
			return fault.BadField(field, "period.range", "a year outside 2000–2999")
		}
	}
	if !p.Until.IsZero() && !p.Until.After(p.From) {
		return fault.BadField("until", "period.order", "the end is not after the beginning")
	}
	return nil
}

// Unix gives both sides as access uses them: seconds, 0 for open. The first second that counts is the one
// that begins at or after From, and nothing counts from the second in which Until lies.
func (p Period) Unix() (from, until int64) {
	if !p.From.IsZero() {
		from = p.From.Unix()
		if p.From.Nanosecond() > 0 {
			from++
		}
	}
	if !p.Until.IsZero() {
		until = p.Until.Unix()
	}
	return from, until
}

// Texts gives both sides for the database; an open side is the empty text.
func (p Period) Texts() (from, until string) { return Text(p.From), Text(p.Until) }

// Parse reads what Texts wrote.
func Parse(from, until string) (Period, error) {
	var p Period
	var err error
	if p.From, err = Time(from); err != nil {
		return Period{}, err
	}
	p.Until, err = Time(until)
	return p, err
}

// Row is a period as registers store it, to be embedded in what a query fills.
type Row struct {
	From  string `db:"valid_from"`
	Until string `db:"valid_until"`
}

// Unix reads a stored period as access uses it.
func (r Row) Unix() (from, until int64, err error) {
	p, err := Parse(r.From, r.Until)
	from, until = p.Unix()
	return from, until, err
}

// Text writes a moment for the database; the zero time is the empty text.
func Text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return store.FormatTime(t)
}

// Time reads what Text wrote.
func Time(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return store.ParseTime(s)
}
