package broker_test

import (
	"fmt"
	"testing"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// watchers are everybody who could be deceived by a will.
type watchers struct {
	b    *brokertest.Broker
	raws map[string]*brokertest.Raw
}

func watch(b *brokertest.Broker) watchers {
	w := watchers{b: b, raws: map[string]*brokertest.Raw{}}
	for id, kinds := range map[string][]wire.Kind{wire.Centre: wire.Ups(), brokertest.Screen: {wire.Events, wire.Status}} {
		w.raws[id] = b.Connect(id)
		for _, k := range kinds {
			w.raws[id].Subscribe(filter(k))
		}
	}
	two := b.Connect("ctl-2")
	for _, k := range wire.Downs() {
		two.Subscribe(brokertest.Topic("ctl-2", k))
	}
	two.Subscribe(toAll)
	w.raws["ctl-2"] = two
	return w
}

// hearNext fails the test when the next thing that those who may read a status hear is not payload.
func (w watchers) hearNext(t *testing.T, what, payload string) {
	t.Helper()
	for _, id := range []string{wire.Centre, brokertest.Screen} {
		if m := w.raws[id].Live(); m.Payload != payload {
			t.Errorf("%s: %s heard %+v, want %q", what, id, m, payload)
		}
	}
}

// foreign are wills that a controller must not have.
func foreign() []string {
	return []string{
		brokertest.Topic("ctl-2", wire.Status), brokertest.Topic("ctl-2", wire.Events), brokertest.Topic("ctl-2", wire.Receipt), brokertest.Topic("ctl-2", wire.Answer),
		brokertest.Topic("ctl-2", wire.Command), brokertest.Topic("ctl-2", wire.Revoked), brokertest.Topic("ctl-2", wire.Lease), brokertest.Topic("ctl-2", wire.Policy), ack2,
		toAll, cmd1, ack1, policy1, "kanmon/v1/other/ctl-1/status", "kanmon/v1/demo/all/status", "kanmon/v1/demo/centre/status", "$SYS/x", "door/open",
	}
}

// R103-1. M-3, finding 4: a will outside the client's own topics reaches nobody, now or later, however its connection ends. The
// embedded broker refuses the client; mosquitto admits it and drops the will.
func TestM3AForeignWillIsNeverDelivered(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		for name, end := range endings() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				topics := foreign()
				if name == expiry {
					topics = topics[:1] // each takes seconds
				}
				wills(t, kind, topics, end)
			})
		}
	})
}

func wills(t *testing.T, kind brokertest.Kind, topics []string, end func(*brokertest.Broker, *brokertest.Raw)) {
	t.Helper()
	b := brokertest.Start(t, kind)
	w := watch(b)
	for _, topic := range topics {
		h := brokertest.As("ctl-1").WithWill(topic, "forged")
		h.KeepAlive = 1
		if r := b.Dial("ctl-1"); r.Connect(h) {
			if kind == brokertest.Embedded {
				t.Errorf("a will to %s was admitted", topic)
			}
			end(b, r)
		}
	}
	h := brokertest.As("ctl-1").WithWill(status1, "own")
	h.KeepAlive = 1
	end(b, b.ConnectAs(h)) // shows that a will comes at all
	w.hearNext(t, "after the end", "own")
	centre := b.Connect(wire.Centre) // everything kept would come before what follows
	for _, k := range wire.Ups() {
		centre.Subscribe(filter(k))
	}
	centre.Publish(ack2, "barrier", 0)
	if m := w.raws["ctl-2"].Receive(); m.Payload != "barrier" {
		t.Errorf("ctl-2 received %+v", m)
	}
	b.Connect("ctl-3").Publish(brokertest.Topic("ctl-3", wire.Events), "barrier", 0)
	for m := centre.Receive(); m.Payload != "barrier"; m = centre.Receive() {
		if m.Payload != "own" || m.Topic != status1 {
			t.Errorf("kept: %+v", m)
			return
		}
	}
}

const expiry = "the keep-alive expires"

// endings are the ways in which a connection ends so that its will is due.
func endings() map[string]func(*brokertest.Broker, *brokertest.Raw) {
	return map[string]func(*brokertest.Broker, *brokertest.Raw){
		"the socket is cut": func(_ *brokertest.Broker, r *brokertest.Raw) { r.Close() },
		"it is taken over": func(b *brokertest.Broker, r *brokertest.Raw) {
			b.Connect("ctl-1").Send([]byte{0xE0, 0}) // and leaves in good order
			r.Ended()
		},
		"a malformed packet": func(_ *brokertest.Broker, r *brokertest.Raw) { r.Send([]byte{0xF5, 0}); r.Ended() },
		expiry:               func(_ *brokertest.Broker, r *brokertest.Raw) { r.Ended() },
	}
}

// M-3, M-8: with our own broker the watchers hear of a take-over in the order in which it happened.
func TestM3TheWillOfAReplacedConnectionComesBeforeTheNewOneIsAnswered(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	centre := b.Connect(wire.Centre)
	centre.Subscribe(filter(wire.Status))
	b.ConnectAs(brokertest.As("ctl-1").WithWill(status1, "offline 0"))
	for i := range 20 {
		r := b.ConnectAs(brokertest.As("ctl-1").WithWill(status1, fmt.Sprint("offline ", i+1)))
		if !r.Publish(status1, "online", 1) {
			t.Fatal("refused")
		}
		first, second := centre.Live(), centre.Live()
		if want := fmt.Sprint("offline ", i); first.Payload != want || second.Payload != "online" {
			t.Fatalf("after connection %d the centre heard %q, then %q", i, first.Payload, second.Payload)
		}
	}
}
