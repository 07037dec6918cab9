package calendar_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/store"
	"kanmon/lifecycle/calendar"
)

// years remembers when it was asked, and moves on once a year in Japan.
type years struct {
	last  int
	fails int
	moved []string
}

func (y *years) Extend(_ context.Context, actor store.Actor, now time.Time) (bool, error) {
	if y.fails > 0 {
		y.fails--
		return false, errors.New("the database is away")
	}
	jst := now.In(time.FixedZone("JST", 9*3600))
	if actor.Kind != store.ActorSystem || jst.Year() <= y.last {
		return false, nil
	}
	y.last = jst.Year()
	y.moved = append(y.moved, jst.Format("2006-01-02 15:04"))
	return true, nil
}

// A bubble of synctest begins on 1 January 2000, 09:00 in Japan.
func TestTheHorizonMovesAtTheStartAndInTheFirstMomentOfAYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		y := &years{fails: 2}
		ended := make(chan error, 1)
		go func() { ended <- (&calendar.Keeper{Register: y, Log: slog.New(slog.DiscardHandler)}).Run(ctx) }()
		<-time.After(2 * 366 * 24 * time.Hour)
		synctest.Wait()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want := []string{"2000-01-01 09:02", "2001-01-01 00:00", "2002-01-01 00:00"} // two failures, a minute each
		if !slices.Equal(y.moved, want) {
			t.Errorf("moved %v, want %v", y.moved, want)
		}
	})
}
