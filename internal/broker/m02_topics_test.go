package broker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kanmon/internal/broker"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// The table of M-2, written by hand: what each client may read and write among all topics of the site. Whatever is not in
// it is denied.
var (
	mayRead = map[string][]string{
		"ctl-1": {
			"kanmon/v1/demo/ctl-1/ack", "kanmon/v1/demo/ctl-1/policy", "kanmon/v1/demo/ctl-1/lease", "kanmon/v1/demo/ctl-1/revoked",
			"kanmon/v1/demo/ctl-1/cmd", "kanmon/v1/demo/all/revoked",
		},
		"centre": {
			"kanmon/v1/demo/ctl-1/events", "kanmon/v1/demo/ctl-1/status", "kanmon/v1/demo/ctl-1/receipt", "kanmon/v1/demo/ctl-1/answer", "kanmon/v1/demo/ctl-1/live",
			"kanmon/v1/demo/ctl-2/events", "kanmon/v1/demo/ctl-2/status", "kanmon/v1/demo/ctl-2/receipt", "kanmon/v1/demo/ctl-2/answer", "kanmon/v1/demo/ctl-2/live",
		},
		"screen": {
			"kanmon/v1/demo/ctl-1/events", "kanmon/v1/demo/ctl-1/status", "kanmon/v1/demo/ctl-2/events", "kanmon/v1/demo/ctl-2/status",
		},
	}
	mayWrite = map[string][]string{
		"ctl-1": {
			"kanmon/v1/demo/ctl-1/events", "kanmon/v1/demo/ctl-1/status", "kanmon/v1/demo/ctl-1/receipt", "kanmon/v1/demo/ctl-1/answer", "kanmon/v1/demo/ctl-1/live",
		},
		"centre": {
			"kanmon/v1/demo/ctl-1/ack", "kanmon/v1/demo/ctl-1/policy", "kanmon/v1/demo/ctl-1/lease", "kanmon/v1/demo/ctl-1/revoked", "kanmon/v1/demo/ctl-1/cmd",
			"kanmon/v1/demo/ctl-2/ack", "kanmon/v1/demo/ctl-2/policy", "kanmon/v1/demo/ctl-2/lease", "kanmon/v1/demo/ctl-2/revoked", "kanmon/v1/demo/ctl-2/cmd",
			"kanmon/v1/demo/ctl-10/cmd", "kanmon/v1/demo/ctl-/cmd", "kanmon/v1/demo/all/revoked",
		},
		"screen": nil,
	}
	// mosquitto's rules for those that see many controllers are simpler: they leave out which names there are. Nobody
	// writes and nobody reads, respectively, what they allow besides.
	mayReadToo = map[string][]string{
		"centre": {
			"kanmon/v1/demo/all/events", "kanmon/v1/demo/all/status", "kanmon/v1/demo/all/receipt", "kanmon/v1/demo/all/answer", "kanmon/v1/demo/all/live",
			"kanmon/v1/demo/centre/events", "kanmon/v1/demo/centre/status", "kanmon/v1/demo/centre/receipt", "kanmon/v1/demo/centre/answer", "kanmon/v1/demo/centre/live",
		},
		"screen": {"kanmon/v1/demo/all/events", "kanmon/v1/demo/all/status", "kanmon/v1/demo/centre/events", "kanmon/v1/demo/centre/status"},
	}
	mayWriteToo = map[string][]string{
		"centre": {
			"kanmon/v1/demo/all/ack", "kanmon/v1/demo/all/policy", "kanmon/v1/demo/all/lease", "kanmon/v1/demo/all/cmd",
			"kanmon/v1/demo/centre/ack", "kanmon/v1/demo/centre/policy", "kanmon/v1/demo/centre/lease", "kanmon/v1/demo/centre/revoked", "kanmon/v1/demo/centre/cmd",
			"kanmon/v1/demo//cmd", "kanmon/v1/demo/CTL-1/cmd", "kanmon/v1/demo/ctl-1\u200b/cmd", "kanmon/v1/demo/ｃｔｌ-1/cmd",
		},
	}

	// filters that a client subscribes to in earnest; any other must not bring it more than these.
	filters = map[string][]string{
		"ctl-1":  mayRead["ctl-1"],
		"centre": {"kanmon/v1/demo/+/events", "kanmon/v1/demo/+/status", "kanmon/v1/demo/+/receipt", "kanmon/v1/demo/+/answer", "kanmon/v1/demo/+/live", "kanmon/v1/demo/ctl-1/events"},
		"screen": {"kanmon/v1/demo/+/events", "kanmon/v1/demo/+/status", "kanmon/v1/demo/ctl-1/events"},
	}
)

// topics are what is published: every kind of several controllers, and everything that is nearly one of them.
func topics() []string {
	var all []string
	for _, controller := range []string{"ctl-1", "ctl-2", "all", "centre"} {
		for _, kind := range []string{"events", "status", "receipt", "answer", "live", "ack", "policy", "lease", "revoked", "cmd"} {
			all = append(all, "kanmon/v1/demo/"+controller+"/"+kind)
		}
	}
	return append(
		all, "kanmon/v1/other/ctl-1/events", "kanmon/v1/other/ctl-1/cmd", "kanmon/v1/other/all/revoked", "kanmon/v2/demo/ctl-1/events", "kanmon/v2/demo/ctl-1/cmd",
		"KANMON/v1/demo/ctl-1/cmd", "kanmon/v1/demo/CTL-1/cmd", "kanmon/v1/demo/ctl-1/Cmd", "kanmon/v1/demo/ctl-1", "kanmon/v1/demo/ctl-1/", "kanmon/v1/demo//cmd",
		"/kanmon/v1/demo/ctl-1/cmd", "kanmon//v1/demo/ctl-1/cmd", "kanmon/v1/demo/ctl-1/cmd/", "kanmon/v1/demo/ctl-1/cmd/x", "kanmon/v1/demo/ctl-1/events/x",
		"kanmon/v1/demo/ctl-1/関門", "kanmon/v1/demo/ctl-1\u200b/cmd", "kanmon/v1/demo/ｃｔｌ-1/cmd", "kanmon/v1/demo/ctl-1/cmd ", " kanmon/v1/demo/ctl-1/cmd", "kanmon/v1/demo/ctl-10/cmd",
		"kanmon/v1/demo/ctl-/cmd", "ctl-1/cmd", "cmd", "a", "/", "//", "kanmon", "$share/g/kanmon/v1/demo/ctl-1/cmd", "$queue/x", "door/ctl-1/cmd",
	)
}

// filtersTried is what a curious client subscribes to.
func filtersTried() []string {
	return append(
		topics(), "#", "+", "+/#", "/#", "+/+/+/+/+", "kanmon/#", "kanmon/+/#", "kanmon/v1/#", "kanmon/v1/demo/#", "kanmon/v1/demo/+/#", "kanmon/v1/demo/+/+",
		"kanmon/v1/demo/ctl-1/#", "kanmon/v1/demo/ctl-1/+", "kanmon/v1/demo/ctl-2/#", "kanmon/v1/demo/ctl-2/+", "kanmon/v1/demo/all/#", "kanmon/v1/demo/all/+",
		"kanmon/v1/demo/+/cmd", "kanmon/v1/demo/+/ack", "kanmon/v1/demo/+/policy", "kanmon/v1/demo/+/lease", "kanmon/v1/demo/+/revoked", "kanmon/v1/demo/+/events",
		"kanmon/v1/demo/+/status", "kanmon/v1/demo/+/receipt", "kanmon/v1/demo/+/answer", "kanmon/v1/demo/+/live", "kanmon/v1/+/ctl-1/cmd", "kanmon/v1/+/+/events", "kanmon/+/demo/ctl-1/cmd",
		"+/v1/demo/ctl-1/cmd", "$SYS/#", "$SYS/broker/clients/total", "$SYS/broker/log/#", "$share/g/#", "$share/g/kanmon/#", "$share/g/kanmon/v1/demo/+/events", "$share/g/kanmon/v1/demo/ctl-2/cmd", "$queue/#",
	)
}

// R103-1. M-2: whatever a client subscribes to, it receives what its row of the table allows and nothing else.
func TestM2NoFilterBringsMoreThanTheRoleMayRead(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		for id := range mayRead {
			t.Run(id, func(t *testing.T) {
				publish, b := publisher(t, kind, id)
				r := b.Connect(id)
				r.Subscribe(barrierOf(id))
				for n, f := range filtersTried() {
					tryFilter(t, r, kind, id, f, func() []string {
						publish(fmt.Sprint("probe ", n), barrierOf(id), fmt.Sprint("end ", n))
						return received(r, n)
					})
					r.Unsubscribe(f)
					r.Subscribe(barrierOf(id)) // in case it was the same
				}
			})
		}
	})
}

func tryFilter(t *testing.T, r *brokertest.Raw, kind brokertest.Kind, id, f string, round func() []string) {
	t.Helper()
	readable, earnest := mayRead[id], slices.Contains(filters[id], f)
	granted := r.Subscribe(f)
	switch {
	case !granted && earnest:
		t.Errorf("%s may not subscribe to %q", id, f)
	case granted && !earnest && kind == brokertest.Embedded && !slices.Contains(readable, f):
		t.Errorf("%s may subscribe to %q", id, f)
	}
	got := round()
	for _, topic := range got {
		if !slices.Contains(readable, topic) && (kind == brokertest.Embedded || !slices.Contains(mayReadToo[id], topic)) {
			t.Errorf("%s, subscribed to %q, received %s", id, f, topic)
		}
	}
	for _, topic := range readable {
		if earnest && matches(f, topic) && !slices.Contains(got, topic) {
			t.Errorf("%s, subscribed to %q, did not receive %s", id, f, topic)
		}
	}
}

// barrierOf is a topic that the client may read; what comes on it ends a round.
func barrierOf(id string) string {
	if id == "ctl-1" {
		return ack1
	}
	return events1
}

// publisher gives a function that publishes a payload to all topics, as far as anybody but the reader can: on mosquitto that is
// the oracle, on the embedded broker everybody to the topics of the table. It ends with the barrier.
func publisher(t *testing.T, kind brokertest.Kind, reader string) (publish func(payload, barrier, end string), b *brokertest.Broker) {
	t.Helper()
	writers := map[*brokertest.Raw][]string{}
	last := "ctl-1"
	if reader == "ctl-1" {
		last = "centre"
	}
	var ending *brokertest.Raw
	if kind == brokertest.Mosquitto {
		b = startWithOracle(t)
		ending = b.Connect(oracle)
		writers[ending] = topics()
	} else {
		b = brokertest.Start(t, kind)
		for _, id := range []string{"ctl-1", "centre"} {
			if id == reader {
				continue
			}
			r := b.Connect(id)
			writers[r] = mayWrite[id]
			if id == last {
				ending = r
			}
		}
		two := b.Connect("ctl-2")
		for _, topic := range mayWrite["ctl-1"] {
			writers[two] = append(writers[two], strings.Replace(topic, "ctl-1", "ctl-2", 1))
		}
	}
	return func(payload, barrier, end string) {
		for r, writable := range writers {
			for _, topic := range writable {
				r.Send(brokertest.Publication(topic, payload, 7, 0))
			}
			if !r.Ping() {
				t.Fatal("a publisher was thrown out")
			}
		}
		ending.Send(brokertest.Publication(barrier, end, 8, 0))
	}, b
}

// received collects the topics of what comes before the end of this round, and names a payload of another round.
func received(r *brokertest.Raw, round int) (topics []string) {
	for {
		m := r.Receive()
		switch {
		case m.Topic == "":
			return append(topics, "nothing: the connection has ended")
		case m.Payload == fmt.Sprint("end ", round):
			return topics
		case strings.HasPrefix(m.Payload, "end "): // the second copy of one, where two filters matched
		case m.Payload == fmt.Sprint("probe ", round):
			topics = append(topics, m.Topic)
		default:
			topics = append(topics, fmt.Sprintf("%s with %q of another round", m.Topic, m.Payload))
		}
	}
}

// matches is for filters with a '+' for whole levels only.
func matches(filter, topic string) bool {
	f, t := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i := range f {
		if len(f) != len(t) || (f[i] != "+" && f[i] != t[i]) {
			return false
		}
	}
	return true
}

// R103-1. M-2: a publication reaches somebody only where the writer's row allows it. On mosquitto the oracle reads everything; the
// embedded broker throws the client out.
func TestM2NoPublicationGoesWhereTheRoleMayNotWrite(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		if kind == brokertest.Embedded {
			b := brokertest.Start(t, kind)
			for id := range mayWrite {
				for _, topic := range append(topics(), "", "kanmon/v1/demo/+/events", "#") {
					r := b.Connect(id)
					if acknowledged := r.Publish(topic, "x", 0); acknowledged != slices.Contains(mayWrite[id], topic) {
						t.Errorf("%s publishes to %q: %t", id, topic, acknowledged)
					}
					r.Close()
				}
			}
			return
		}
		b := startWithOracle(t)
		observer := b.Connect(oracle)
		for _, f := range []string{"#", "$SYS/#", "$queue/#"} {
			observer.Subscribe(f)
		}
		for id := range mayWrite {
			for n, topic := range topics() {
				r := b.Connect(id)
				r.Publish(topic, fmt.Sprint("probe ", n), 0)
				r.Close()
				observer.Send(brokertest.Publication("barrier", fmt.Sprint("end ", n), 8, 0))
				got := received(observer, n)
				allowed := slices.Contains(mayWrite[id], topic) || slices.Contains(mayWriteToo[id], topic)
				if reached := slices.Contains(got, topic); reached != allowed || len(got) > 1 {
					t.Errorf("%s publishes to %q: %q arrived", id, topic, got)
				}
			}
		}
	})
}

// M-2: the embedded broker does not let a publication against the rule go by in silence, whatever its QoS.
func TestM2APublicationAgainstTheRuleEndsTheConnection(t *testing.T) {
	b, inner := brokertest.Configure(t, func(*broker.Config) {})
	before := inner.Stats().Denied
	r := b.Connect("ctl-1")
	r.Send(brokertest.Frame(0x30, append(brokertest.Text(brokertest.Topic("ctl-2", wire.Events)), "{}"...))) // QoS 0
	if !r.Ended() || inner.Stats().Denied != before+1 {
		t.Error("a publication of QoS 0 against the rule went by in silence")
	}
	r = b.Connect("ctl-1")
	r.Send(brokertest.Frame(0x34, append(append(brokertest.Text(events1), 0, 7), "{}"...)))
	if !r.Ended() {
		t.Error("QoS 2 was accepted")
	}
}
