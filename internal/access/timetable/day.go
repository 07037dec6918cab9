package timetable

// On lists the windows that begin on a day, if it is a holiday or if it is none: a special day's before a holiday's, and these before the weekday's.
func (s Schedule) On(day Day, holiday bool) (windows []Span) {
	date := day.String()
	for _, special := range s.Special {
		if special.Date == date {
			return special.Windows
		}
	}
	kind := day.Weekday()
	if s.Holidays && holiday {
		kind = Holiday
	}
	for _, w := range s.Windows {
		if w.Day == kind {
			windows = append(windows, Span{w.From, w.Until})
		}
	}
	return windows
}

// Widens reports whether windows that take the place of others on the same day are open at a minute, of that day or of the next, at which those are not.
func Widens(before, after []Span) bool {
	was := minutesOf(before)
	for m, open := range minutesOf(after) {
		if open && !was[m] {
			return true
		}
	}
	return false
}

// Same reports whether windows of a day are open at the same minutes as others of it.
func Same(a, b []Span) bool { return minutesOf(a) == minutesOf(b) }

// minutesOf are the minutes at which windows of a day are open, from its midnight on for two days.
func minutesOf(windows []Span) (open [2 * MinutesOfDay]bool) {
	for _, w := range windows {
		until := w.Until
		if until <= w.From {
			until += MinutesOfDay
		}
		for m := w.From; m < until; m++ {
			open[m] = true
		}
	}
	return open
}
