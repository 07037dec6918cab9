package brokertest_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ack1    = brokertest.Topic("ctl-1", wire.Ack)
	events1 = brokertest.Topic("ctl-1", wire.Events)
)

// through connects a client by way of a proxy or a relay.
func through(t *testing.T, b *brokertest.Broker, address, id string) *brokertest.Raw {
	t.Helper()
	r := b.DialAt(address, b.TLS(id))
	if !r.Connect(brokertest.As(id)) {
		t.Fatalf("%s was refused", id)
	}
	return r
}

func TestTheProxyHoldsWhatItIsToldTo(t *testing.T) {
	b := brokertest.Start(t, brokertest.Mosquitto)
	p := brokertest.NewProxy(t, b.Address())
	one, centre := through(t, b, p.Address(), "ctl-1"), b.Connect(wire.Centre)
	one.Subscribe(ack1)
	p.HoldDown()
	centre.Publish(ack1, "late", 0)
	_ = one.Conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if m := one.Receive(); m.Topic != "" {
		t.Fatalf("received %+v through a held proxy", m)
	}
	p.Cut() // TLS does not go on after a deadline
	p.Release()
	one = through(t, b, p.Address(), "ctl-1")
	one.Subscribe(ack1)
	p.Hold()
	centre.Publish(ack1, "held", 0)
	p.Release()
	if m := one.Receive(); m.Payload != "held" {
		t.Errorf("received %+v", m)
	}
	p.Partition()
	if !one.Ended() || b.DialAt(p.Address(), b.TLS("ctl-1")).Connect(brokertest.As("ctl-1")) {
		t.Error("a partition lets something through")
	}
	p.Heal()
	through(t, b, p.Address(), "ctl-1")
	if n := p.Dials(); n != 4 {
		t.Errorf("%d dials", n)
	}
}

func TestTheRelayDropsDoublesReordersAltersAndReplays(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		var kept []brokertest.Passing
		r := b.Relay(func(p brokertest.Passing) []brokertest.Passing {
			switch string(p.Payload) {
			case "drop":
				return nil
			case "double":
				return []brokertest.Passing{p, p}
			case "alter":
				p.Payload = []byte("altered")
			case "keep":
				kept = append(kept, p)
				return nil
			case "go on":
				return append([]brokertest.Passing{p}, kept...)
			}
			return []brokertest.Passing{p}
		})
		one, centre := through(t, b, r.Address(), "ctl-1"), b.Connect(wire.Centre)
		one.Subscribe(ack1)
		for _, payload := range []string{"drop", "double", "alter", "keep", "go on"} {
			centre.Publish(ack1, payload, 0)
		}
		for _, want := range []string{"double", "double", "altered", "go on", "keep"} {
			if m := one.Receive(); m.Payload != want {
				t.Fatalf("received %+v, want %s", m, want)
			}
		}
		old := r.Passed()[0]
		if !r.Inject(old) || r.Inject(brokertest.Passing{Client: "ctl-4"}) {
			t.Error("a client is not connected that is, or the other way round")
		}
		if m := one.Receive(); m.Payload != "drop" {
			t.Errorf("received %+v", m)
		}

		centre.Subscribe(wire.Filter(brokertest.Site, wire.Events))
		if !one.Publish(events1, "drop", 0) || !one.Publish(events1, "double", 0) {
			t.Error("not acknowledged")
		}
		for range 2 {
			if m := centre.Receive(); m.Payload != "double" {
				t.Errorf("received %+v", m)
			}
		}
		if n := len(r.Passed()); n != 7 {
			t.Errorf("%d publications seen", n)
		}
	})
}

func TestAKilledMosquittoComesBackEmptyOnTheSamePort(t *testing.T) {
	b := brokertest.Start(t, brokertest.Mosquitto)
	before := b.Address()
	b.Connect("ctl-1").Publish(brokertest.Topic("ctl-1", wire.Status), "kept", 1)
	one := b.Connect("ctl-2")
	b.Kill()
	if !one.Ended() {
		t.Error("still connected")
	}
	b.Restart()
	if b.Address() != before {
		t.Error("another address")
	}
	screen := b.Connect(brokertest.Screen)
	screen.Subscribe(wire.Filter(brokertest.Site, wire.Status))
	b.Connect("ctl-1").Publish(brokertest.Topic("ctl-1", wire.Status), "new", 0)
	if m := screen.Receive(); m.Payload != "new" {
		t.Errorf("received %+v", m)
	}
}

// The bytes of a CONNECT, by hand from MQTT 3.1.1, 3.1.
func TestAHelloIsWhatTheStandardSays(t *testing.T) {
	h := brokertest.As("a").WithWill("t", "w")
	h.User, h.Password = "u", "p"
	want := []byte{0x10, 25, 0, 4, 'M', 'Q', 'T', 'T', 4, 0b1110_1110, 0, 60, 0, 1, 'a', 0, 1, 't', 0, 1, 'w', 0, 1, 'u', 0, 1, 'p'}
	if got := h.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("%x\nwant %x", got, want)
	}
	if got := brokertest.Frame(0x30, make([]byte, 300)); !slices.Equal(got[:3], []byte{0x30, 0xAC, 2}) {
		t.Errorf("%x", got[:3])
	}
}
