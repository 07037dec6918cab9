// Package watch looks now and then for what no event tells of: controllers that say nothing, clocks that are off, and alarms that nobody has
// acknowledged. What it finds is up to the register of alarms; of several centres on one database each may run it.
package watch

import (
	"context"
	"log/slog"
	"time"

	"kanmon/internal/fault"
	"kanmon/lifecycle/alarm"
)

// Settings are the times and numbers of the rules; 0 stands for the default.
type Settings struct {
	UrgentMinutes     int `json:"urgent_minutes"`      // until an urgent alarm that nobody has acknowledged is escalated; default 3
	NormalMinutes     int `json:"normal_minutes"`      // any other; default 15
	AgainMinutes      int `json:"again_minutes"`       // until it is escalated again; default 60
	SilentSeconds     int `json:"silent_seconds"`      // how long nothing is heard of a controller; default 60
	ClockSeconds      int `json:"clock_seconds"`       // how far a controller's clock may be off; default 10
	DoorRefusals      int `json:"door_refusals"`       // refusals at one door …; default 3
	DoorWindowMinutes int `json:"door_window_minutes"` // … within this time; default 5
	CardRefusals      int `json:"card_refusals"`       // refusals of one card anywhere …; default 5
	CardWindowMinutes int `json:"card_window_minutes"` // … within this time; default 10
}

// Most of each number.
const (
	mostMinutes = 24 * 60
	mostSeconds = 24 * 60 * 60
	mostTimes   = 50
)

// Check refuses numbers out of range.
func (s Settings) Check() error {
	for _, n := range []struct {
		name        string
		value, most int
	}{
		{"urgent_minutes", s.UrgentMinutes, mostMinutes},
		{"normal_minutes", s.NormalMinutes, mostMinutes},
		{"again_minutes", s.AgainMinutes, mostMinutes},
		{"silent_seconds", s.SilentSeconds, mostSeconds},
		{"clock_seconds", s.ClockSeconds, mostSeconds},
		{"door_refusals", s.DoorRefusals, mostTimes},
		{"door_window_minutes", s.DoorWindowMinutes, mostMinutes},
		{"card_refusals", s.CardRefusals, mostTimes},
		{"card_window_minutes", s.CardWindowMinutes, mostMinutes},
	} {
		if n.value < 0 || n.value > n.most {
			return fault.BadField("alarms."+n.name, "", "alarms."+n.name+": out of range")
		}
	}
	return nil
}

// Limits is what the register works with.
func (s Settings) Limits() alarm.Limits {
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	return alarm.Limits{
		Urgent: minutes(s.UrgentMinutes), Normal: minutes(s.NormalMinutes), Again: minutes(s.AgainMinutes),
		Silent: time.Duration(s.SilentSeconds) * time.Second, Clock: time.Duration(s.ClockSeconds) * time.Second,
		AtDoor: alarm.Repeat{N: s.DoorRefusals, Within: minutes(s.DoorWindowMinutes)},
		OfCard: alarm.Repeat{N: s.CardRefusals, Within: minutes(s.CardWindowMinutes)},
	}
}

// Alarms is what looks around.
type Alarms interface {
	// Watch looks once; started is when the centre began to listen.
	Watch(ctx context.Context, started time.Time) error
	// Shortest is the shortest time that a rule waits.
	Shortest() time.Duration
}

// Bounds of how often it looks: a quarter of the shortest time.
const (
	oftenest = time.Second
	seldom   = 15 * time.Second
)

// Run looks until ctx ends. What fails is tried again the next time.
func Run(ctx context.Context, alarms Alarms, log *slog.Logger) error {
	started := time.Now()
	tick := time.NewTicker(min(max(alarms.Shortest()/4, oftenest), seldom))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := alarms.Watch(ctx, started); err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "cannot look after alarms", slog.Any("error", err))
			}
		}
	}
}
