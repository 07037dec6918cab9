// Package view is what answers of several rooms of the REST interface show: shapes of its JSON, and how they are filled. What one room alone
// shows is in that room.
package view

import (
	"time"

	"kanmon/lifecycle/period"
)

// Span is a validity in a request or an answer.
type Span struct {
	From  *time.Time `json:"from,omitempty" doc:"From this moment on; open if left out"`
	Until *time.Time `json:"until,omitempty" doc:"No longer from this moment on; open if left out"`
}

// NewSpan shows a period.
func NewSpan(p period.Period) Span { return Span{From: Moment(p.From), Until: Moment(p.Until)} }

// Period is the validity that was sent.
func (s Span) Period() period.Period {
	var p period.Period
	if s.From != nil {
		p.From = s.From.UTC()
	}
	if s.Until != nil {
		p.Until = s.Until.UTC()
	}
	return p
}

// Moment leaves out a time that is not there.
func Moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// List shows every element; none is an empty list, never null.
func List[T, V any](list []T, show func(T) V) []V {
	out := make([]V, len(list))
	for i, v := range list {
		out[i] = show(v)
	}
	return out
}
