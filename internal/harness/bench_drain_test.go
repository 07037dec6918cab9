package harness

import (
	"testing"
	"time"

	"kanmon/firmware-sim/fleet"
	"kanmon/internal/access"
	"kanmon/internal/db"
)

// backlog is how many events a controller has that comes back; liveEvery how often something happens there meanwhile.
const (
	backlog   = 100_000
	liveEvery = 100 * time.Millisecond
)

// BenchmarkDrain measures how fast one controller that was cut off for long gets rid of its events, and how long it takes
// meanwhile until what happens now is in the centre's database, ahead of its turn or in it.
func BenchmarkDrain(b *testing.B) {
	s := Start(b, Quiet())
	f, run := s.NewFleet(1)
	m := f.Members()[0]
	if err := m.Backlog(b.Context(), backlog, time.Now()); err != nil {
		b.Fatal(err)
	}
	centre, err := db.Open(b.Context(), db.Config{Driver: db.SQLite, Path: s.Database()})
	if err != nil {
		b.Fatal(err)
	}
	defer centre.Close()
	for b.Loop() {
		began := time.Now()
		run()
		live := &liveTaps{s: s, member: m, centre: centre}
		for live.acked() < backlog {
			live.tap()
			if time.Since(began) > 10*time.Minute {
				b.Fatalf("%d of %d events in %v", live.acked(), backlog, time.Since(began))
			}
		}
		took := time.Since(began)
		b.ReportMetric(backlog/took.Seconds(), "events/s")
		report(b, "live", live.took)
		b.ReportMetric(float64(len(live.took)), "live-events")
		b.ReportMetric(0, "ns/op")
	}
}

// liveTaps is a card held to the controller's reader again and again, and looked for at the centre.
type liveTaps struct {
	s      *System
	member *fleet.Member
	centre *db.DB
	took   []time.Duration
}

func (l *liveTaps) acked() uint64 { return l.member.Status().Acked }

// tap holds a card to the reader and waits until its event is at the centre, but for at least liveEvery.
func (l *liveTaps) tap() {
	next := time.After(liveEvery)
	before, began := l.member.Status().LastSeq, time.Now()
	if before == 0 || !l.member.Present(access.Key{1}) {
		<-next
		return
	}
	l.s.await("the tap at the centre", func() bool { return l.newest() > before })
	l.took = append(l.took, time.Since(began))
	<-next
}

// newest is the number of the newest event that the centre has of the controller.
func (l *liveTaps) newest() (n uint64) {
	ctx := l.s.t.Context()
	err := l.centre.Read(ctx, func(q db.Queryer) error {
		return q.Get(ctx, &n, `SELECT max(coalesce((SELECT max(seq) FROM event WHERE controller = ?), 0),
			coalesce((SELECT max(seq) FROM event_live WHERE controller = ?), 0))`, l.member.Name, l.member.Name)
	})
	if err != nil {
		l.s.t.Fatal(err)
	}
	return n
}
