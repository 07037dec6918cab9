package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"kanmon/controller/identity"
	"kanmon/firmware-sim/control"
	"kanmon/internal/access"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
)

// R103-1: who has no certificate of the site, or one that was not enrolled, or is not who it says, is not let in. The rest of this
// matrix is in internal/broker, with certificates that are not the product's own.
func TestBrokerLetsInOnlyEnrolledControllersUnderTheirOwnName(t *testing.T) {
	i := intrude(t)
	ca := i.authority()
	stranger := pki.NewSigningKey()
	issued := func(name string, key pki.SigningKey) *tls.Config {
		c, err := ca.IssueDevice(name, key.Public(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return tlsOf(identity.Identity{Authorities: []*x509.Certificate{ca.Certificate()}, Certificate: c, Key: key})
	}
	elsewhere, err := pki.NewCA("demo", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := elsewhere.IssueDevice(own, stranger.Public(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	thrownOut := i.enrolled("ctl-3")
	if err := i.Client().Call(t.Context(), http.MethodPost, "controllers/ctl-3/revoke", map[string]string{"reason": "盗難"}, nil); err != nil {
		t.Fatal(err)
	}
	status := wire.Topic("demo", own, wire.Status)
	for name, c := range map[string]struct {
		config *tls.Config
		hello  brokertest.Hello
	}{
		"no certificate":                        {pki.TrustTLS(ca.Pool(), time.Now), brokertest.As(own)},
		"another authority's certificate":       {tlsOf(identity.Identity{Authorities: []*x509.Certificate{ca.Certificate()}, Certificate: foreign, Key: stranger}), brokertest.As(own)},
		"a good certificate for another key":    {issued(own, stranger), brokertest.As(own)},
		"a name nobody registered":              {issued("ctl-9", stranger), brokertest.As("ctl-9")},
		"the centre's name":                     {issued("centre", stranger), brokertest.As("centre")},
		"the name that is everybody's":          {issued("all", stranger), brokertest.As("all")},
		"another controller's client id":        {tlsOf(i.id), brokertest.As(other)},
		"a controller that was revoked":         {tlsOf(thrownOut), brokertest.As("ctl-3")},
		"a will in another controller's name":   {tlsOf(i.id), brokertest.As(own).WithWill(wire.Topic("demo", other, wire.Status), `{"v":1,"type":"status","online":false}`)},
		"a will that is a policy":               {tlsOf(i.id), brokertest.As(own).WithWill(wire.Topic("demo", own, wire.Policy), "x")},
		"a will of 60,000 bytes":                {tlsOf(i.id), brokertest.As(own).WithWill(status, strings.Repeat("x", 60_000))},
		"a will of a site that is not this one": {tlsOf(i.id), brokertest.As(own).WithWill(wire.Topic("elsewhere", own, wire.Status), "x")},
	} {
		if c.config == nil {
			continue
		}
		if i.dial(c.config).Connect(c.hello) {
			t.Errorf("%s: let in", name)
		}
	}
	if !i.online() {
		t.Error("a will was published in another controller's name")
	}
	i.connected(i.id) // with all in order the same certificate does work
	i.unharmed()
}

// R103-1: a controller that is revoked at the centre is thrown out where it stands.
func TestRevokedControllerIsThrownOutAtOnce(t *testing.T) {
	i := intrude(t)
	r := i.connected(i.id)
	if !r.Subscribe(wire.Topic("demo", own, wire.Policy)) {
		t.Fatal("an enrolled controller may not listen on its own topic")
	}
	began := time.Now()
	if err := i.Client().Call(t.Context(), http.MethodPost, "controllers/"+own+"/revoke", map[string]string{"reason": "盗難"}, nil); err != nil {
		t.Fatal(err)
	}
	if !r.Ended() {
		t.Error("the connection stays open")
	}
	t.Logf("ended %v after the order", time.Since(began))
	if i.dial(tlsOf(i.id)).Connect(brokertest.As(own)) {
		t.Error("let in again")
	}
	i.unharmed()
}

// R103-1: a controller speaks and hears on its own topics and no others.
func TestControllerThatPublishesOnAnotherTopicIsThrownOut(t *testing.T) {
	i := intrude(t)
	for name, topic := range map[string]string{
		"another controller's events": wire.Topic("demo", other, wire.Events),
		"another controller's status": wire.Topic("demo", other, wire.Status),
		"another's receipt":           wire.Topic("demo", other, wire.Receipt),
		"a policy for another":        wire.Topic("demo", other, wire.Policy),
		"a policy for itself":         wire.Topic("demo", own, wire.Policy),
		"a revocation for all":        wire.Topic("demo", wire.All, wire.Revoked),
		"a command":                   wire.Topic("demo", other, wire.Command),
		"a lease for itself":          wire.Topic("demo", own, wire.Lease),
		"another site":                wire.Topic("elsewhere", own, wire.Events),
	} {
		r := i.connected(i.id)
		if r.Publish(topic, string(i.opening()), 0) || r.Ping() {
			t.Errorf("%s: the broker took it", name)
		}
	}
	r := i.connected(i.id)
	if r.Publish(wire.Topic("demo", own, wire.Events), "kept", 1) || r.Ping() {
		t.Error("a retained message that is no status: the broker took it")
	}
	i.unharmed()
	for _, e := range i.Events() {
		if e.Kind == "quarantined" || e.Kind == "policy_refused" || e.Kind == "command_refused" {
			t.Errorf("a message on another's topic came as far as %+v", e)
		}
	}
}

// opening is a policy part, signed by the intruder, that would let the stray card in everywhere.
func (i *intruder) opening() []byte {
	i.t.Helper()
	spec := access.Spec{
		Version: access.Version{Epoch: 99, N: 99}, Areas: []access.Area{{ID: "server-room", Grade: 1, Record: "best_effort"}},
		Doors:  []access.Door{{ID: "D-1", Area: "server-room", EntryReads: []string{"IN-1"}, ReleaseMS: 3000, HeldMS: 20000}},
		People: []access.Person{{ID: "X"}}, Rights: []access.Right{{Person: "X", Area: "server-room"}},
	}
	at := wire.Address{Site: "demo", Controller: other, Kind: wire.Policy}
	manifest, err := wire.SignPolicy(at, spec, time.Now(), i.id.Key)
	if err != nil {
		i.t.Fatal(err)
	}
	parts, err := wire.SplitPolicy(spec, manifest)
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
		"#", "kanmon/#", "kanmon/v1/demo/#", "kanmon/v1/demo/+/policy", "kanmon/v1/demo/+/revoked",
		wire.Topic("demo", other, wire.Policy), wire.Topic("demo", other, wire.Command), wire.Topic("demo", own, wire.Events), "$SYS/#",
		"$share/g/" + wire.Topic("demo", other, wire.Policy),
	} {
		r := i.connected(i.id)
		if r.Subscribe(filter) {
			t.Errorf("subscription to %q: granted", filter)
		}
		r.Close()
	}
	i.unharmed()
}

// The client that Kanmon's own programs use does not take a refused subscription for a connection.
func TestOwnClientNoticesThatItMayNotListen(t *testing.T) {
	i := intrude(t)
	c := i.client(func(c *mqtt.Client) { c.Handle("#", func(context.Context, mqtt.Message) {}) })
	i.await("the refusal", func() bool { return strings.Contains(i.log.String(), "the broker refuses the subscription") })
	if c.Connected() {
		t.Error("the client takes itself for connected")
	}
	i.unharmed()
}

// R84-1: what the centre cannot read is kept apart, is an alarm and is in the log; it is never taken for an event.
func TestMessagesTheCentreCannotReadAreKeptApartAndAlarm(t *testing.T) {
	i := intrude(t)
	c := i.client(nil)
	bad := map[string][][]byte{
		wire.Topic("demo", own, wire.Events): {
			[]byte(`{"v":2,"type":"events","epoch":1,"first":1,"prev":"","head":"","events":[]}`), []byte(`{"v":1,"type":"status"}`),
			[]byte("{"), []byte("null"), []byte("\x00\xff\xfe garbage"), bytes.Repeat([]byte("["), 100_000), make([]byte, wire.MaxPayload),
			[]byte(`{"v":1,"type":"events","epoch":1,"first":1,"prev":"00","head":"00","events":[{}],"more":1}`),
		},
		wire.Topic("demo", own, wire.Status): {[]byte(`{"v":9,"type":"status","online":true}`), []byte(`{"v":1,"type":"status","online":"yes"}`)},
	}
	sent := 0
	alarms := func() int { return len(i.quarantined("bad_payload")) + len(i.quarantined("bad_signature")) }
	for topic, payloads := range bad {
		for _, p := range payloads {
			i.publish(c, topic, p)
			sent++
			i.await("an alarm for it", func() bool { return alarms() == sent }) // of statuses that wait only the newest is looked at
		}
	}
	i.publish(c, wire.Topic("demo", own, wire.Events), []byte("{")) // the same again is no other alarm
	i.unharmed()
	if n := alarms(); n != sent {
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
	r := i.connected(i.id)
	if r.Publish(wire.Topic("demo", own, wire.Events), strings.Repeat("\x00", 10<<20), 0) || r.Ping() {
		t.Error("the broker took 10 MB")
	}
	c := i.client(nil)
	i.await("the connection", c.Connected)
	if err := c.Publish(t.Context(), mqtt.Message{Topic: wire.Topic("demo", own, wire.Events), Payload: make([]byte, 10<<20)}); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("Kanmon's own client: %v, want too large", err)
	}
	if got := len(i.Events()); got != before {
		t.Errorf("%d entries became %d", before, got)
	}
	i.unharmed()
}

func TestBytesThatAreNoTLSEndTheConnectionAndNothingElse(t *testing.T) {
	i := intrude(t)
	for name, b := range map[string][]byte{
		"a web browser":     []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"MQTT in the clear": brokertest.As(own).Bytes(),
		"TLS 1.2":           {0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00},
		"zeros":             make([]byte, 4096),
	} {
		conn, err := net.Dial("tcp", i.City.Broker)
		if err != nil {
			t.Fatal(err)
		}
		r := brokertest.Over(t, conn)
		r.Send(b)
		if !r.Ended() {
			t.Errorf("%s: the connection stays open", name)
		}
	}
	i.unharmed()
}

// R84-1, R103-1: who has stolen another controller's place at the broker, but not its key, forges nothing: what it sends is not
// signed by whom it claims to be.
func TestMessagesSignedByAnotherControllerAreNotBelieved(t *testing.T) {
	i := intrude(t)
	i.Tap("IN-1", "鈴木")
	last := i.lastOf(other)
	r := i.connected(i.stolen()) // the place of ctl-1, as a broker that was taken over would have it
	for _, at := range []wire.Address{{Site: "demo", Controller: other, Kind: wire.Events}, {Site: "demo", Controller: own, Kind: wire.Events}} {
		r.Publish(wire.Topic("demo", other, wire.Events), string(i.forged(at, last.Epoch, last.Seq+1, i.id.Key)), 0)
	}
	r.Publish(wire.Topic("demo", other, wire.Status), `{"v":1,"type":"status","online":true,"software":"forged"}`, 1)
	r.Close()
	i.await("the alarms", func() bool { return len(i.quarantined("bad_signature")) >= 2 })
	i.await("the real controller to come back", func() bool { return i.online() })
	i.unharmed()
	i.checkNotForged()
}

// R84-1: who has stolen the key of the controller at the doors can disturb it and is seen; it opens nothing, and puts nothing into
// the log that does not follow what the controller wrote before.
func TestStolenKeyOpensNoDoorAndForgesNoEntry(t *testing.T) {
	i := intrude(t)
	i.Tap("IN-1", "鈴木")
	last := i.lastOf(other)
	thief, at := i.stolen(), wire.Address{Site: "demo", Controller: other, Kind: wire.Events}
	for _, seq := range []uint64{last.Seq, last.Seq + 1} {
		r := i.connected(thief)
		r.Publish(at.Topic(), string(i.forged(at, last.Epoch, seq, thief.Key)), 0)
		if r.Publish(wire.Topic("demo", other, wire.Policy), string(i.opening()), 0) || r.Ping() {
			t.Error("a controller may publish its own policy")
		}
	}
	i.await("both alarms", func() bool { return len(i.quarantined("other_bytes")) == 1 && len(i.quarantined("broken_chain")) == 1 })
	i.await("the real controller to come back", func() bool { return i.online() })
	i.unharmed()
	i.checkNotForged()
}

// lastOf waits until the log is quiet and returns the last event of a controller.
func (i *intruder) lastOf(controller string) (last Event) {
	i.t.Helper()
	i.AwaitEvent("the tap before", func(e Event) bool { return e.Kind == "access_granted" })
	i.await("a quiet log", func() bool { return i.Backlog() == 0 })
	for _, e := range i.Events() {
		if e.Controller == controller && e.Seq > 0 {
			last = e
		}
	}
	return last
}

// checkNotForged looks for the person whom forged says.
func (i *intruder) checkNotForged() {
	i.t.Helper()
	events := i.Events()
	for _, wrong := range Twice(events) {
		i.t.Error(wrong)
	}
	for _, e := range events {
		if strings.Contains(e.PersonName, "田中") && e.Kind == "access_granted" {
			i.t.Error("a forged entry is in the log")
		}
	}
}

// forged is a batch of one event that says 田中 was let in, signed for an address by a key.
func (i *intruder) forged(at wire.Address, epoch, seq uint64, by wire.Signer) []byte {
	i.t.Helper()
	e, err := event.Encode(event.Event{
		Epoch: epoch, Seq: seq, At: i.Events()[0].At, Kind: event.AccessGranted, Door: "D-1", Area: "server-room",
		Reader: "IN-1", Direction: access.In, Reason: access.Granted, Person: "S-0004", Card: "C-0004", Detail: "forged",
	})
	if err != nil {
		i.t.Fatal(err)
	}
	b, err := wire.Encode(wire.SignBatch(at, wire.NewEventBatch(epoch, seq, event.Hash{}, [][]byte{e}), by))
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
	changed := bytes.Replace(config, []byte(strings.TrimSuffix(s.City.Files.SimConfig(), "config.json")+"scbk-IN-1"), []byte(key), 1)
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
