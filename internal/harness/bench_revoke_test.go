package harness

import (
	"testing"
	"time"

	"kanmon/internal/broker/brokertest"
)

// revocationFleet is how many controllers are revoked to; the other two how often, to them and to one alone.
const (
	revocationFleet = 500
	fleetRounds     = 20
	oneRounds       = 200
)

// betweenOrders is enough for the events and statuses that follow a revocation, which would be in the way of the next.
const betweenOrders = 3 * time.Second

// Sizes of the two messages as they were on the wire on 2026-11-26; the floor's are the same.
const (
	revokedSize = 368
	receiptSize = 318
)

// BenchmarkRevocation measures from the order to suspend a card, or to lift the suspension, over REST, until the signed receipt of each of
// 500 whole controllers had come to the centre, and until all receipts were committed; beside it, in the same run and with the same kind of
// broker, the floor (fanout). A second pair is for one controller alone.
func BenchmarkRevocation(b *testing.B) {
	for _, kind := range []brokertest.Kind{brokertest.Embedded, brokertest.Mosquitto} {
		b.Run(string(kind), func(b *testing.B) {
			for _, n := range []int{1, revocationFleet} {
				b.Run(map[bool]string{true: "one", false: "fleet"}[n == 1], func(b *testing.B) { revokeTo(b, kind, n) })
			}
		})
	}
}

func revokeTo(b *testing.B, kind brokertest.Kind, n int) {
	s := Start(b, On(kind), Quiet())
	rounds := oneRounds
	if n > 1 {
		rounds = fleetRounds
		s.StartFleet(n - 1) // the city's own controller is the last
	}
	floor := newFanout(b, kind, n, revokedSize, receiptSize)
	defer floor.stop()
	card := s.Card("佐藤")
	for b.Loop() {
		var came, all, bareCame, bareAll []time.Duration
		for i := range rounds {
			if n > 1 {
				pause(betweenOrders)
			}
			each, whole := s.measure([]string{"suspend", "lift"}[i%2], card)
			came, all = append(came, each...), append(all, whole)
			bare, bareWhole := floor.round()
			bareCame, bareAll = append(bareCame, bare...), append(bareAll, bareWhole)
		}
		report(b, "acknowledged", came)
		b.ReportMetric(float64(came[len(came)-1].Microseconds()), "acknowledged-worst-µs") // report has sorted it
		report(b, "floor", bareCame)
		if n > 1 { // for one controller the test's own looking is too coarse
			report(b, "all-committed", all)
			report(b, "floor-all-committed", bareAll)
		}
		b.ReportMetric(float64(middle(came))/float64(middle(bareCame)), "median/floor")
		b.ReportMetric(float64(came[len(came)*99/100])/float64(bareCame[len(bareCame)*99/100]), "p99/floor")
		b.ReportMetric(0, "ns/op") // one run of many rounds: the figure per run says nothing
	}
}

// measure orders once, and returns the time until each controller's receipt came, from the order, and until all were committed.
func (s *System) measure(what, card string) (came []time.Duration, all time.Duration) {
	s.t.Helper()
	began := time.Now()
	v := s.TurnCard(what, card)
	var list struct{ Items []Receipt }
	s.await("all receipts", func() bool {
		if len(list.Items) > 0 && list.Items[0].Targets > 1 {
			pause(100 * time.Millisecond) // to ask costs the centre too
		}
		s.get("revocations?limit=1", &list)
		return len(list.Items) == 1 && list.Items[0].Version == v && list.Items[0].Confirmed == list.Items[0].Targets
	})
	all = time.Since(began)
	r := s.Receipt(v)
	for _, c := range r.Controllers {
		if c.ReceivedMS == nil {
			s.t.Fatalf("%s confirmed and has no time", c.Controller)
		}
		came = append(came, r.At.Sub(began)+time.Duration(*c.ReceivedMS*float64(time.Millisecond)))
	}
	return came, all
}
