package centre_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/wire"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

// BenchmarkRevocation measures the centre's own part of a revocation to 500 doors, with nothing between it and them: from the
// action to the commit of the last receipt. The receipts' signatures are made beforehand as far as they can be.
func BenchmarkRevocation(b *testing.B) {
	l, c, city := startCentre(b)
	names := doorsFor(b, city, 500)
	for _, name := range names {
		l.arrive(b, payload(b, name, wire.Status, online(1, nil)))
	}
	var worst time.Duration
	n := 0
	for b.Loop() {
		id := issue(b, city, strconv.Itoa(n))
		n++
		b.StopTimer()
		l.drain()
		b.StartTimer()
		began := time.Now()
		_, v, err := city.Card.Revoke(b.Context(), lifecycletest.Manager, id, "紛失", time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		committed := time.Since(began)
		all := wire.Address{Site: "demo", Controller: wire.All, Kind: wire.Revoked}
		l.next(b, all.Topic())
		broadcast := time.Since(began)
		b.StopTimer()
		told := c.Receipts().Subscribe()
		receipt := wire.RevokedReceipt{V: wire.V, Type: wire.Receipt, Upto: v, Hash: access.Revocations{}.Hash(), AppliedAt: began}
		sealed := make([]func(), len(names))
		for i, name := range names {
			m := payload(b, name, wire.Receipt, receipt)
			sealed[i] = func() { l.arrive(b, m) }
		}
		b.StartTimer()
		again := time.Now()
		for _, send := range sealed {
			send()
		}
		for {
			<-told.Wake()
			items, err := city.Revocations.List(b.Context(), lifecycletest.Guard, revocation.Filter{Limit: 1})
			if err != nil || len(items) != 1 || items[0].Version != v {
				b.Fatalf("%+v, %v", items, err)
			}
			if items[0].Confirmed == len(names) {
				break
			}
		}
		worst = max(worst, time.Since(again))
		told.Close()
		b.ReportMetric(float64(committed.Microseconds())/1000, "commit-ms")
		b.ReportMetric(float64(broadcast.Microseconds())/1000, "broadcast-ms")
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-receipts-ms")
}

func doorsFor(b *testing.B, city *lifecycletest.City, n int) []string {
	b.Helper()
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("far-%d", i)
		if _, err := city.Device.AddController(b.Context(), lifecycletest.Manager, device.NewController{Name: names[i], Place: "x"}); err != nil {
			b.Fatal(err)
		}
		city.Enroll(b, names[i])
		if _, err := city.Device.AddReader(b.Context(), lifecycletest.Manager, device.Reader{Name: "IN", Controller: names[i], Kind: device.OSDPReader}); err != nil {
			b.Fatal(err)
		}
		_, err := city.Area.AddDoor(b.Context(), lifecycletest.Manager, area.Door{
			ID: "F-" + strconv.Itoa(i), Name: "x", Area: "archive", Controller: names[i], EntryReaders: []string{"IN"}, ReleaseMS: 5000, HeldMS: 30000,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return names
}

func issue(b *testing.B, city *lifecycletest.City, label string) string {
	b.Helper()
	c, err := city.Card.Issue(b.Context(), lifecycletest.Manager, card.Issue{
		Label: "B-" + label, Kind: card.Personal, Person: "1001", Key: lifecycletest.Key("bench " + label),
	})
	if err != nil {
		b.Fatal(err)
	}
	return c.ID
}
