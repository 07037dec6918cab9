package broker_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"kanmon/internal/broker"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// R103-1. M-8, finding 6: a client that says it is the centre throws nobody out.
func TestM8NobodyTakesOverAnothersSession(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		centre := b.Connect(wire.Centre)
		centre.Subscribe(filter(wire.Events))
		for _, user := range []string{"", wire.Centre, "ctl-1"} {
			h := brokertest.As(wire.Centre)
			h.User = user
			thief := b.Dial("ctl-1")
			if admitted := thief.Connect(h); admitted && kind == brokertest.Embedded {
				t.Errorf("user name %q: was admitted", user)
			}
			thief.Subscribe(filter(wire.Events)) // as whom?
			if !centre.Ping() {
				t.Fatalf("user name %q: the centre was thrown out", user)
			}
		}
		b.Connect("ctl-2").Publish(brokertest.Topic("ctl-2", wire.Events), "for the centre", 0)
		if m := centre.Receive(); m.Payload != "for the centre" {
			t.Errorf("the centre received %+v", m)
		}
	})
}

// M-8: of two connections of one client the newer is the one that lives. The embedded broker's library, left alone, can delete
// the new connection with the old one.
func TestM8TheLastOfManyConnectionsOfOneClientWorks(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		centre, own := b.Connect(wire.Centre), b.TLS("ctl-1")
		for round := range 30 {
			var wg sync.WaitGroup
			for range 4 {
				r := b.DialTLS(own)
				wg.Go(func() { r.Connect(brokertest.As("ctl-1")) })
			}
			wg.Wait()
			last := b.DialTLS(own)
			if !last.Connect(brokertest.As("ctl-1")) || !last.Subscribe(ack1) {
				t.Fatal("cannot connect and subscribe")
			}
			want := strconv.Itoa(round)
			if !centre.Publish(ack1, want, 0) {
				t.Fatal("not acknowledged")
			}
			if m := last.Receive(); m.Payload != want {
				t.Fatalf("round %d: received %+v", round, m)
			}
		}
	})
}

// For the race detector: the library's shared tables under everything at once.
func TestM8ManyClientsComeAndGo(t *testing.T) {
	b, inner := brokertest.Configure(t, func(*broker.Config) {})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			id := fmt.Sprintf("ctl-%d", i%4+1) // some take each other's place
			own, topic := b.TLS(id), brokertest.Topic(id, wire.Status)
			for round := range 15 {
				r := b.DialTLS(own)
				if r.Connect(brokertest.As(id).WithWill(topic, "offline")) {
					r.Subscribe(brokertest.Topic(id, wire.Ack))
					r.Publish(topic, strconv.Itoa(round), 1)
				}
				r.Close()
			}
		})
	}
	wg.Go(func() {
		for range 30 {
			inner.Disconnect("ctl-2")
		}
	})
	for _, id := range []string{wire.Centre, brokertest.Screen} {
		wg.Go(func() {
			for range 15 {
				r := b.Connect(id)
				r.Subscribe(filter(wire.Status))
				r.Publish(toAll, "x", 0)
				r.Close()
			}
		})
	}
	wg.Wait()
	if s := inner.Stats(); s.Panics > 0 || s.Malformed > 0 {
		t.Errorf("%+v", s)
	}
}
