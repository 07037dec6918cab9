package broker_test

import (
	"testing"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// M-4: a command that was published as retained, even by the centre itself, is not acted on by a controller that comes later. The
// embedded broker refuses it. mosquitto keeps it, and can not be told otherwise; what it hands out later is always marked as
// retained, and a controller drops what is marked so on every topic it reads (docs/wire.md).
func TestM4ARetainedCommandIsRefusedOrMarked(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		for _, k := range wire.Downs() {
			topic := brokertest.Topic("ctl-1", k)
			centre := b.Connect(wire.Centre)
			if kept := centre.Publish(topic, "open", 1); kept && kind == brokertest.Embedded {
				t.Errorf("a retained %s was accepted", k)
			}
			one := b.Connect("ctl-1")
			one.Subscribe(topic)
			centre = b.Connect(wire.Centre)
			centre.Publish(topic, "live", 0)
			for acted := one.Receive(); ; acted = one.Receive() {
				if acted.Retained {
					continue // the consumer's rule
				}
				if acted.Payload != "live" {
					t.Errorf("a controller would act on %+v", acted)
				}
				break
			}
		}
	})
}

// M-4: nobody but the centre can poison a controller's topics, retained or not.
func TestM4ARetainedCommandOfAnotherClientIsNeverDelivered(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		for _, id := range []string{"ctl-1", "ctl-2", brokertest.Screen} {
			for _, topic := range []string{cmd1, ack1, toAll} {
				r := b.Connect(id)
				r.Publish(topic, "forged by "+id, 1)
				r.Close()
			}
		}
		one := b.Connect("ctl-1")
		for _, topic := range []string{cmd1, ack1, toAll} {
			one.Subscribe(topic)
		}
		b.Connect(wire.Centre).Publish(ack1, "live", 0)
		if m := one.Receive(); m.Payload != "live" {
			t.Errorf("received %+v", m)
		}
	})
}

// A status is the one thing that is kept: for those who may read it, until it is removed.
func TestM4ARetainedStatusIsForThoseWhoMayReadItAndCanBeRemoved(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		two, status2 := b.Connect("ctl-2"), brokertest.Topic("ctl-2", wire.Status)
		if !two.Publish(status2, "secret", 1) {
			t.Fatal("not acknowledged")
		}
		one := b.Connect("ctl-1")
		for _, f := range []string{filter(wire.Status), status2, ack1} {
			one.Subscribe(f)
		}
		b.Connect(wire.Centre).Publish(ack1, "next", 0)
		if m := one.Receive(); m.Payload != "next" {
			t.Errorf("a controller received %+v", m)
		}
		early := b.Connect(brokertest.Screen)
		early.Subscribe(filter(wire.Status))
		if m := early.Receive(); m.Payload != "secret" || !m.Retained {
			t.Errorf("the screen received %+v", m)
		}
		if !two.Publish(status2, "", 1) {
			t.Fatal("not acknowledged")
		}
		late := b.Connect(brokertest.Screen)
		late.Subscribe(filter(wire.Status))
		two.Publish(status2, "live", 0)
		if m := late.Receive(); m.Payload != "live" || m.Retained {
			t.Errorf("received %+v", m)
		}
	})
}
