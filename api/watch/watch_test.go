package watch_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/api/watch"
	"kanmon/internal/fault"
)

// alarms notes when it was asked to look.
type alarms struct {
	shortest time.Duration
	looked   []time.Time
	started  time.Time
}

func (a *alarms) Watch(_ context.Context, started time.Time) error {
	a.looked, a.started = append(a.looked, time.Now()), started
	return errors.New("the database is away")
}

func (a *alarms) Shortest() time.Duration { return a.shortest }

func TestItLooksEveryFifteenSecondsAndOftenerForShorterTimes(t *testing.T) {
	for shortest, every := range map[time.Duration]time.Duration{
		time.Hour: 15 * time.Second, time.Minute: 15 * time.Second, 20 * time.Second: 5 * time.Second, time.Millisecond: time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			a, begin, log := &alarms{shortest: shortest}, time.Now(), &strings.Builder{}
			ended := make(chan error)
			go func() { ended <- watch.Run(ctx, a, slog.New(slog.NewTextHandler(log, nil))) }()
			time.Sleep(4*every + every/2)
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if len(a.looked) != 4 || !a.looked[0].Equal(begin.Add(every)) || !a.started.Equal(begin) {
				t.Errorf("shortest %s: looked at %v", shortest, a.looked)
			}
			if n := strings.Count(log.String(), "the database is away"); n != 4 {
				t.Errorf("what failed was said %d times", n)
			}
		})
	}
}

func TestSettingsOutOfRangeAreRefused(t *testing.T) {
	for name, s := range map[string]watch.Settings{
		"urgent_minutes": {UrgentMinutes: -1}, "normal_minutes": {NormalMinutes: 1441}, "silent_seconds": {SilentSeconds: 86_401},
		"clock_seconds": {ClockSeconds: -5}, "door_refusals": {DoorRefusals: 51}, "card_window_minutes": {CardWindowMinutes: 2000},
	} {
		err := s.Check()
		if f, is := errors.AsType[*fault.Error](err); !is || f.Field != "alarms."+name || f.Kind != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (watch.Settings{UrgentMinutes: 1440, SilentSeconds: 86_400}).Check(); err != nil {
		t.Error(err)
	}
	l := watch.Settings{UrgentMinutes: 2, SilentSeconds: 90, DoorRefusals: 4, DoorWindowMinutes: 6}.Limits()
	if l.Urgent != 2*time.Minute || l.Silent != 90*time.Second || l.AtDoor.N != 4 || l.AtDoor.Within != 6*time.Minute {
		t.Errorf("limits %+v", l)
	}
}
