package broker_test

import (
	"testing"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// M-12: a connection begins with nothing of the one before it: no subscription and no queue that has gone stale. What was
// missed is asked for again by the protocol above (docs/wire.md).
func TestM12AConnectionBeginsWithNothing(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		centre, own := b.Connect(wire.Centre), b.TLS("ctl-1")
		one := b.DialTLS(own)
		if !one.Connect(brokertest.As("ctl-1")) || !one.Subscribe(ack1) {
			t.Fatal("refused")
		}
		one.Close()
		for range 5 {
			centre.Publish(ack1, "missed", 0)
		}
		again := b.DialTLS(own)
		again.Send(brokertest.As("ctl-1").Bytes())
		if first, body := again.Read(); first != 0x20 || body[0] != 0 || body[1] != 0 {
			t.Errorf("answer %x %x: a session is said to be present", first, body)
		}
		centre.Publish(ack1, "not subscribed", 0)
		again.Ping()
		again.Subscribe(ack1)
		centre.Publish(ack1, "live", 0)
		if m := again.Receive(); m.Payload != "live" {
			t.Errorf("received %+v", m)
		}
	})
}

// M-12: the same when it was the broker that was away; clients find it again at the same address.
func TestM12ABrokerThatWasAwayBeginsWithNothing(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		one := b.Connect("ctl-1")
		one.Subscribe(ack1)
		one.Publish(status1, "old", 1)
		b.Kill()
		if !one.Ended() {
			t.Error("still connected")
		}
		b.Restart()
		screen, two := b.Connect(brokertest.Screen), b.Connect("ctl-2")
		screen.Subscribe(filter(wire.Status))
		two.Publish(brokertest.Topic("ctl-2", wire.Status), "new", 0)
		if m := screen.Receive(); m.Payload != "new" {
			t.Errorf("the screen received %+v", m)
		}
	})
}

func TestM12AMessageReachesThoseItIsForAndNobodyElse(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		one, two, centre, screen := b.Connect("ctl-1"), b.Connect("ctl-2"), b.Connect(wire.Centre), b.Connect(brokertest.Screen)
		for _, s := range []struct {
			r *brokertest.Raw
			f string
		}{{one, ack1}, {one, toAll}, {two, ack2}, {two, toAll}, {centre, filter(wire.Events)}, {screen, filter(wire.Events)}} {
			if !s.r.Subscribe(s.f) {
				t.Fatal(s.f)
			}
		}
		for _, p := range []struct {
			r       *brokertest.Raw
			topic   string
			payload string
		}{{one, events1, "e"}, {centre, ack1, "a"}, {centre, ack2, "b"}, {centre, toAll, "r"}} {
			if !p.r.Publish(p.topic, p.payload, 0) {
				t.Fatal("not acknowledged")
			}
		}
		for _, want := range []struct {
			r                *brokertest.Raw
			first, andSecond string
		}{{one, "a", "r"}, {two, "b", "r"}} {
			if a, b := want.r.Receive().Payload, want.r.Receive().Payload; a != want.first || b != want.andSecond {
				t.Errorf("received %q and %q, want %q and %q", a, b, want.first, want.andSecond)
			}
		}
		for _, r := range []*brokertest.Raw{screen} {
			if m := r.Receive(); m.Topic != events1 || m.Payload != "e" {
				t.Errorf("received %+v", m)
			}
		}
	})
}
