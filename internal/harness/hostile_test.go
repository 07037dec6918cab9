package harness

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"kanmon/controller"
	"kanmon/firmware-sim/control"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

// R103-1: who is not registered, or does not know the secret, or is not who it says, is not let in.
func TestBrokerLetsInOnlyRegisteredControllersUnderTheirOwnName(t *testing.T) {
	i := intrude(t)
	zero, tooLong := uint16(0), uint16(601)
	status := wire.Topic("demo", own, wire.Status)
	for name, h := range map[string]hello{
		"a wrong password":                      {id: own, user: own, password: strings.Repeat("0", len(i.secret))},
		"no password":                           {id: own, user: own},
		"a name nobody registered":              {id: "ctl-9", user: "ctl-9", password: i.secret},
		"another controller's name":             {id: other, user: other, password: i.secret},
		"another's client id":                   {id: other, user: own, password: i.secret},
		"another's user name":                   {id: own, user: other, password: i.secret},
		"the centre's name":                     {id: "centre", user: "centre", password: i.secret},
		"no name":                               {password: i.secret},
		"a name in capitals":                    {id: "CTL-2", user: "CTL-2", password: i.secret},
		"a name with a wildcard":                {id: "+", user: "+", password: i.secret},
		"a name of 60,000 letters":              {id: strings.Repeat("c", 60000), user: own, password: i.secret},
		"a session that outlives it":            {id: own, user: own, password: i.secret, keepSession: true},
		"no keep-alive":                         {id: own, user: own, password: i.secret, keepAlive: &zero},
		"too long a keep-alive":                 {id: own, user: own, password: i.secret, keepAlive: &tooLong},
		"MQTT 3.1":                              {id: own, user: own, password: i.secret, level: 3},
		"MQTT 5":                                {id: own, user: own, password: i.secret, level: 5},
		"a will in another controller's name":   {id: own, user: own, password: i.secret, willTopic: wire.Topic("demo", other, wire.Status), will: []byte(`{"v":1,"type":"status","online":false}`)},
		"a will that is a policy":               {id: own, user: own, password: i.secret, willTopic: wire.Topic("demo", other, wire.Policy), will: []byte("x")},
		"a will outside every topic":            {id: own, user: own, password: i.secret, willTopic: "elsewhere", will: []byte("x")},
		"a will of 60,000 bytes":                {id: own, user: own, password: i.secret, willTopic: status, will: make([]byte, 60000)},
		"a retained will that is not a status":  {id: own, user: own, password: i.secret, willTopic: wire.Topic("demo", own, wire.Events), will: []byte("x"), retainWill: true},
		"a will on a topic with a wildcard":     {id: own, user: own, password: i.secret, willTopic: "kanmon/v1/demo/+/status", will: []byte("x")},
		"a will of a site that is not this one": {id: own, user: own, password: i.secret, willTopic: wire.Topic("elsewhere", own, wire.Status), will: []byte("x")},
	} {
		r := dial(t, i.City.Broker)
		if code, answered := r.connect(h); answered && code == 0 {
			t.Errorf("%s: let in", name)
		}
		if !r.hungUp() {
			t.Errorf("%s: the connection stays open", name)
		}
	}
	if !strings.Contains(i.log.String(), "broker refuses a client") {
		t.Error("no refusal was logged")
	}
	if !i.online(other) {
		t.Error("a will was published in another controller's name")
	}
	i.connected() // with all in order the same credentials do work
	i.unharmed()
}

// R103-1: a controller speaks and hears on its own topics and no others.
func TestControllerThatPublishesOnAnotherTopicIsThrownOut(t *testing.T) {
	i := intrude(t)
	for name, topic := range map[string]string{
		"another controller's events": wire.Topic("demo", other, wire.Events),
		"another controller's status": wire.Topic("demo", other, wire.Status),
		"a policy for another":        wire.Topic("demo", other, wire.Policy),
		"an acknowledgement":          wire.Topic("demo", other, wire.Ack),
		"a policy for itself":         wire.Topic("demo", own, wire.Policy),
		"a command":                   wire.Topic("demo", own, wire.Commands),
		"another site":                wire.Topic("elsewhere", own, wire.Events),
		"another version":             "kanmon/v2/demo/" + own + "/events",
		"the broker's own":            "$SYS/broker/uptime",
		"a stranger":                  "elsewhere",
		"a wildcard":                  "kanmon/v1/demo/+/events",
		"nothing":                     "",
	} {
		for qos, kind := range map[uint16]byte{0: typePublish, 1: typePublish1} {
			r := i.connected()
			r.send(kind, publication(topic, qos, i.opening()))
			if !r.hungUp(typePuback) {
				t.Errorf("%s, QoS %d: the broker took it", name, qos)
			}
		}
	}
	r := i.connected()
	r.send(typePublish|1, publication(wire.Topic("demo", own, wire.Events), 0, []byte("kept")))
	if !r.hungUp() {
		t.Error("a retained message that is no status: the broker took it")
	}
	r = i.connected()
	r.send(0x34, publication(wire.Topic("demo", own, wire.Events), 1, []byte("x")))
	if !r.hungUp(0x50) {
		t.Error("QoS 2: the broker took it")
	}
	if !strings.Contains(i.log.String(), "broker denies a topic") {
		t.Error("no denial was logged")
	}
	i.unharmed()
	for _, e := range i.Events() {
		if e.Kind == "quarantined" || e.Kind == "policy_refused" {
			t.Errorf("a message on another's topic came as far as %+v", e)
		}
	}
}

// opening is a policy part that would let the stray card in everywhere.
func (i *intruder) opening() []byte {
	i.t.Helper()
	parts, err := wire.SplitPolicy(access.Spec{
		Version: access.Version{Epoch: 99, N: 99}, Areas: []access.Area{{ID: "server-room", Grade: 1, Record: "best_effort"}},
		Doors:  []access.Door{{ID: "D-1", Area: "server-room", EntryReads: []string{"IN-1"}, ReleaseMS: 3000, HeldMS: 20000}},
		People: []access.Person{{ID: "X"}}, Rights: []access.Right{{Person: "X", Area: "server-room"}},
	})
	if err != nil {
		i.t.Fatal(err)
	}
	b, err := wire.Encode(parts[0])
	if err != nil {
		i.t.Fatal(err)
	}
	return b
}

func TestControllerThatListensElsewhereHearsNothing(t *testing.T) {
	i := intrude(t)
	for _, filter := range []string{
		"#", "+/#", "kanmon/#", "kanmon/v1/demo/#", "kanmon/v1/demo/+/policy", "kanmon/v1/demo/+/events",
		wire.Topic("demo", other, wire.Policy), wire.Topic("demo", other, wire.Ack), wire.Topic("demo", own, wire.Events),
		wire.Topic("elsewhere", own, wire.Policy), "$SYS/#", "$share/g/" + wire.Topic("demo", other, wire.Policy), "",
	} {
		r := i.connected()
		r.send(typeSubscribe, subscription(7, filter))
		kind, body, err := r.read()
		if refused := err != nil || kind == typeSuback && slices.Equal(body, []byte{0, 7, 0x80}); !refused {
			t.Errorf("subscription to %q: answered %x %x", filter, kind, body)
		}
		r.conn.Close()
	}
	i.unharmed()
}

// The client that Kanmon's own programs use does not take a refused subscription for a connection.
func TestOwnClientNoticesThatItMayNotListen(t *testing.T) {
	i := intrude(t)
	c := i.client(own, i.secret, func(c *mqtt.Client) { c.Handle("#", func(context.Context, mqtt.Message) {}) })
	i.await("the refusal", func() bool { return strings.Contains(i.log.String(), "the broker refuses the subscription") })
	if c.Connected() {
		t.Error("the client takes itself for connected")
	}
	i.unharmed()
}

// R84-1: what the centre cannot read is kept apart, is an alarm and is in the log; it is never taken for an event.
func TestMessagesTheCentreCannotReadAreKeptApartAndAlarm(t *testing.T) {
	i := intrude(t)
	c := i.client(own, i.secret, nil)
	bad := map[string][][]byte{
		wire.Topic("demo", own, wire.Events): {
			[]byte(`{"v":2,"type":"events","epoch":1,"first":1,"prev":"","head":"","events":[]}`), []byte(`{"v":1,"type":"status"}`),
			[]byte("{"), []byte("null"), []byte("\x00\xff\xfe garbage"), bytes.Repeat([]byte("["), 100_000), make([]byte, wire.MaxPayload),
			[]byte(`{"v":1,"type":"events","epoch":1,"first":1,"prev":"00","head":"00","events":[{}],"more":1}`),
		},
		wire.Topic("demo", own, wire.Status): {[]byte(`{"v":9,"type":"status","online":true}`), []byte(`{"v":1,"type":"status","online":"yes"}`)},
	}
	sent := 0
	for topic, payloads := range bad {
		for _, p := range payloads {
			i.publish(c, topic, p)
			sent++
		}
	}
	i.await("an alarm for each", func() bool { return len(i.quarantined("bad_payload")) == sent })
	i.publish(c, wire.Topic("demo", own, wire.Events), []byte("{")) // the same again is no other alarm
	i.unharmed()
	if n := len(i.quarantined("bad_payload")); n != sent {
		t.Errorf("%d alarms for %d messages", n, sent)
	}
	for _, e := range i.Events() {
		if e.Seq == 0 && e.Kind != "quarantined" {
			t.Errorf("taken for an event: %+v", e)
		}
	}
}

func (i *intruder) quarantined(reason string) (all []Event) {
	i.t.Helper()
	for _, e := range i.Events() {
		if e.Kind == "quarantined" && e.Reason == reason {
			all = append(all, e)
		}
	}
	return all
}

func TestTenMegabytesEndTheConnectionAndNothingElse(t *testing.T) {
	i := intrude(t)
	before := len(i.Events())
	huge := publication(wire.Topic("demo", own, wire.Events), 1, make([]byte, 10<<20))
	r := i.connected()
	r.send(typePublish1, huge)
	if !r.hungUp(typePuback) {
		t.Error("the broker took 10 MB")
	}
	i.await("a line in the log", func() bool { return strings.Contains(i.log.String(), "broker ends a connection") })
	c := i.client(own, i.secret, nil)
	if err := c.Publish(t.Context(), mqtt.Message{Topic: wire.Topic("demo", own, wire.Events), Payload: make([]byte, 10<<20)}); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("Kanmon's own client: %v, want too large", err)
	}
	if got := len(i.Events()); got != before {
		t.Errorf("%d entries became %d", before, got)
	}
	i.unharmed()
}

func TestBytesThatAreNoMQTTEndTheConnectionAndNothingElse(t *testing.T) {
	i := intrude(t)
	for name, b := range map[string][]byte{
		"a web browser":             []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"TLS":                       {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03},
		"zeros":                     make([]byte, 4096),
		"an endless length":         bytes.Repeat([]byte{0xff}, 64),
		"a publication before all":  append([]byte{typePublish}, append(length(9), publication("x", 0, []byte("y"))...)...),
		"a CONNECT shorter than it": {0x10, 0x40, 0, 4, 'M', 'Q', 'T', 'T', 4, 0xc2},
		"a length of 256 MB":        {0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4},
	} {
		r := dial(t, i.City.Broker)
		_, _ = r.conn.Write(b)
		if name == "a CONNECT shorter than it" || name == "a publication before all" {
			r.conn.(interface{ CloseWrite() error }).CloseWrite() // the next read tells
		}
		if !r.hungUp() {
			t.Errorf("%s: the connection stays open", name)
		}
	}
	i.unharmed()
}

// R84-1: who has stolen the secret of the controller at the doors can disturb it and is seen; it opens nothing, and
// puts nothing into the log that does not follow what the controller wrote before.
func TestStolenSecretOpensNoDoorAndForgesNoEntry(t *testing.T) {
	i := intrude(t)
	i.Tap("IN-1", "鈴木")
	last := i.AwaitEvent("the tap before", func(e Event) bool { return e.Kind == "access_granted" })
	i.await("a quiet log", func() bool { all := i.Events(); last = all[len(all)-1]; return true })

	for _, forged := range [][]byte{i.forged(last.Epoch, last.Seq, "same number"), i.forged(last.Epoch, last.Seq+1, "next number")} {
		r := dial(t, i.City.Broker)
		if code, ok := r.connect(hello{id: other, user: other, password: i.stolen()}); !ok || code != 0 {
			t.Fatalf("the stolen secret was refused: %d", code)
		}
		r.send(typePublish1, publication(wire.Topic("demo", other, wire.Events), 1, forged))
		if kind, _, err := r.read(); err == nil && kind != typePuback {
			t.Errorf("answer %x", kind)
		}
		r.send(typePublish1, publication(wire.Topic("demo", other, wire.Policy), 2, i.opening()))
		if !r.hungUp() {
			t.Error("a controller may publish its own policy")
		}
	}
	i.await("both alarms", func() bool { return len(i.quarantined("other_bytes")) == 1 && len(i.quarantined("broken_chain")) == 1 })
	i.await("the real controller to come back", func() bool { return i.online(other) })
	i.unharmed()
	var real []Event
	for _, e := range i.Events() {
		if e.Seq != 0 {
			real = append(real, e)
		}
		if strings.Contains(e.PersonName, "田中") {
			t.Error("a forged entry is in the log")
		}
	}
	checkOnceInOrder(t, real)
}

// stolen is the secret of the controller at the doors.
func (i *intruder) stolen() string {
	i.t.Helper()
	c, err := controller.LoadConfig(i.City.Files.ControllerConfig())
	if err != nil {
		i.t.Fatal(err)
	}
	b, err := os.ReadFile(c.Broker.PasswordFile)
	if err != nil {
		i.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// forged is a batch of one event that says 田中 was let in.
func (i *intruder) forged(epoch, seq uint64, detail string) []byte {
	i.t.Helper()
	e, err := event.Encode(event.Event{
		Epoch: epoch, Seq: seq, At: i.Events()[0].At, Kind: event.AccessGranted, Door: "D-1", Area: "server-room",
		Reader: "IN-1", Direction: access.In, Reason: access.Granted, Person: "S-0004", Card: "C-0004", Detail: detail,
	})
	if err != nil {
		i.t.Fatal(err)
	}
	b, err := wire.Encode(wire.NewEventBatch(epoch, seq, event.Hash{}, [][]byte{e}))
	if err != nil {
		i.t.Fatal(err)
	}
	return b
}

// R47-1, R103-1: on the reader line a device without the right key is not believed, and no card on it opens anything.
func TestReaderWithAnotherKeyOpensNothing(t *testing.T) {
	s := Start(t)
	s.StopLine()
	config, err := os.ReadFile(s.City.Files.SimConfig())
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSuffix(s.City.Files.SimConfig(), "config.json") + "another-key"
	changed := bytes.Replace(config, []byte(strings.TrimSuffix(s.City.Files.ControllerConfig(), "config.json")+"scbk-IN-1"), []byte(key), 1)
	if bytes.Equal(changed, config) {
		t.Fatal("the simulator's configuration names no key of IN-1")
	}
	for file, content := range map[string][]byte{key: []byte("9f3b6a1c5d7e80246b1f0c3a9d8e7f52"), s.City.Files.SimConfig(): changed} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.StartLine()
	s.await("the other reader", func() bool {
		a, err := control.Ask(t.Context(), s.City.Files.Socket(), control.Request{Op: control.Tap, Reader: "IN-2", Card: "拾得カード", Stay: true})
		return err == nil && a.LED == "red"
	})
	if a, err := control.Ask(t.Context(), s.City.Files.Socket(), control.Request{Op: control.Tap, Reader: "IN-1", Card: "佐藤", Stay: true}); err == nil || a.Released {
		t.Errorf("a card at a reader with another key got %+v (%v)", a, err)
	}
	if state := s.Device("IO-1").Snapshot(); state.Outputs[0] {
		t.Error("the door is released")
	}
	s.AwaitEvent("the alarm", func(e Event) bool {
		return e.Device == "IN-1" && (e.Kind == "device_offline" || e.Kind == "device_insecure")
	})
}
