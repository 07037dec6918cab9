package mqtt_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

func TestMessagesArriveInOrderAndAHandlerMayPublish(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	const n = 200
	controller := client(t, b, "ctl-1", nil)
	answered := make(chan string, n)
	controller.Handle(wire.Topic("demo", "ctl-1", wire.Ack), func(_ context.Context, m mqtt.Message) { answered <- string(m.Payload) })
	controllerUp := connected(controller)

	centre := client(t, b, "centre", nil)
	centre.Handle(wire.Filter("demo", wire.Events), func(ctx context.Context, m mqtt.Message) {
		if err := centre.Publish(ctx, mqtt.Message{Topic: wire.Topic("demo", "ctl-1", wire.Ack), Payload: m.Payload}); err != nil && ctx.Err() == nil {
			t.Errorf("publish inside a handler: %v", err)
		}
	})
	centreUp := connected(centre)
	background(t, controller.Run)
	background(t, centre.Run)
	await(t, controllerUp, "the controller's connection")
	await(t, centreUp, "the centre's connection")
	if !centre.Connected() {
		t.Error("Connected is false inside a connection")
	}

	for i := range n {
		m := mqtt.Message{Topic: wire.Topic("demo", "ctl-1", wire.Events), Payload: fmt.Append(nil, i)}
		if err := controller.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		if got := await(t, answered, "an answer"); got != strconv.Itoa(i) {
			t.Fatalf("answer %s in place of %d", got, i)
		}
	}
}

// M-12: nothing of a connection outlives it at the broker; the client subscribes again by itself, to either broker.
func TestM12SubscribesAgainAfterTheBrokerWasRestarted(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		got := make(chan mqtt.Message, 10)
		controller := client(t, b, "ctl-1", nil)
		controller.Handle(wire.Topic("demo", "ctl-1", wire.Policy), func(_ context.Context, m mqtt.Message) { got <- m })
		up := connected(controller)
		background(t, controller.Run)
		await(t, up, "the first connection")
		b.Kill()
		brokertest.Until(t, "the loss is seen", func() bool { return !controller.Connected() })
		if err := controller.Publish(t.Context(), mqtt.Message{Topic: "t"}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("publish without a connection: %v, want unavailable", err)
		}

		b.Restart()
		await(t, up, "the second connection")
		centre := client(t, b, "centre", nil)
		centreUp := connected(centre)
		background(t, centre.Run)
		await(t, centreUp, "the centre's connection")
		if err := centre.Publish(t.Context(), mqtt.Message{Topic: wire.Topic("demo", "ctl-1", wire.Policy), Payload: []byte("p")}); err != nil {
			t.Fatal(err)
		}
		if m := await(t, got, "a message after the restart"); string(m.Payload) != "p" || m.Retained {
			t.Errorf("got %+v", m)
		}
		if n := controller.Stats().Connected; n < 2 {
			t.Errorf("%d connections counted, want at least 2", n)
		}
	})
}

func TestARetainedMessageArrivesMarkedAsRetained(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	controller := client(t, b, "ctl-1", nil)
	up := connected(controller)
	background(t, controller.Run)
	await(t, up, "the controller's connection")
	status := mqtt.Message{Topic: wire.Topic("demo", "ctl-1", wire.Status), Payload: []byte("{}"), Retained: true}
	if err := controller.Publish(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	got := make(chan mqtt.Message, 10)
	centre := client(t, b, "centre", nil)
	centre.Handle(wire.Filter("demo", wire.Status), func(_ context.Context, m mqtt.Message) { got <- m })
	background(t, centre.Run)
	if m := await(t, got, "the retained status"); !m.Retained || m.Topic != status.Topic {
		t.Errorf("got %+v", m)
	}
	if err := controller.Publish(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	if m := await(t, got, "the live status"); m.Retained {
		t.Error("a live message came marked as retained")
	}
}

func TestTheWillIsPublishedWhetherTheClientVanishesOrLeaves(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	got := make(chan string, 10)
	centre := client(t, b, "centre", nil)
	centre.Handle(wire.Filter("demo", wire.Status), func(_ context.Context, m mqtt.Message) {
		if !m.Retained { // the kept copy is looked up after the SUBACK and may come besides
			got <- m.Topic + " " + string(m.Payload)
		}
	})
	centreUp := connected(centre)
	background(t, centre.Run)
	await(t, centreUp, "the centre's connection")

	topic := wire.Topic("demo", "ctl-1", wire.Status)
	controller := client(t, b, "ctl-1", func(c *mqtt.Config) {
		c.Will = &mqtt.Message{Topic: topic, Payload: []byte("gone"), Retained: true}
	})
	up := connected(controller)
	stop := background(t, controller.Run)
	await(t, up, "the controller's connection")
	stop()
	if s := await(t, got, "the last words of a client that left"); s != topic+" gone" {
		t.Errorf("got %q", s)
	}

	b.ConnectAs(brokertest.As("ctl-1").WithWill(topic, "cut")).Close() // one that vanishes
	for s := ""; s != topic+" cut"; {                                  // the first client's own will may come too, when its place is taken before its good-bye is read
		s = await(t, got, "the will of a client that vanished")
	}
}

// R47-1: what was renewed is used from the next connection on; one that is refused is tried again for ever.
func TestACertificateThatWasRenewedIsUsedAtTheNextConnection(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	var asked atomic.Int32
	expired := b.Authority.Device("ctl-1", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	renewed := b.Authority.Device("ctl-1")
	c := client(t, b, "ctl-1", func(c *mqtt.Config) {
		c.TLS.Certificates = nil
		c.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if asked.Add(1) < 4 {
				return &expired, nil
			}
			return &renewed, nil
		}
	})
	up := connected(c)
	background(t, c.Run)
	await(t, up, "the connection with the new certificate")
	if n := asked.Load(); n < 4 {
		t.Errorf("connected at try %d, with a certificate that has expired", n)
	}
}

func TestOverflowDropsTheNewestAndCounts(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	const sent, queue = 20, 4
	entered, release := make(chan struct{}, sent), make(chan struct{})
	got := make(chan string, sent)
	centre := client(t, b, "centre", func(c *mqtt.Config) { c.QueueSize = queue })
	centre.Handle(wire.Filter("demo", wire.Events), func(_ context.Context, m mqtt.Message) {
		entered <- struct{}{}
		<-release
		got <- string(m.Payload)
	})
	up := connected(centre)
	background(t, centre.Run)
	await(t, up, "the centre's connection")
	controller := client(t, b, "ctl-1", nil)
	controllerUp := connected(controller)
	background(t, controller.Run)
	await(t, controllerUp, "the controller's connection")

	for i := range sent {
		m := mqtt.Message{Topic: wire.Topic("demo", "ctl-1", wire.Events), Payload: fmt.Append(nil, i)}
		if err := controller.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			await(t, entered, "the handler to take the first") // the queue is empty again
		}
	}
	brokertest.Until(t, "all have arrived", func() bool { s := centre.Stats(); return s.Received+s.Dropped == sent })
	if s := centre.Stats(); s.Received != 1+queue || s.Dropped != sent-1-queue {
		t.Errorf("%+v, want %d received", s, 1+queue)
	}
	close(release)
	for i := range 1 + queue {
		if p := await(t, got, "a kept message"); p != strconv.Itoa(i) {
			t.Errorf("message %s in place of %d", p, i)
		}
	}
}

func TestPublishTellsWhenTheOutcomeIsUnknown(t *testing.T) {
	cut := make(chan struct{})
	b := fakeBroker(t, func(_ net.Conn, in *bufio.Reader) {
		packet(in) // the publication; never acknowledged
		<-cut
	})
	c := client(t, b, "ctl-1", nil)
	up := connected(c)
	background(t, c.Run)
	await(t, up, "the connection")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m := mqtt.Message{Topic: "t", Payload: []byte("x")}
	if err := c.Publish(ctx, m); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("no PUBACK: %v, want unavailable", err)
	}
	failed := make(chan error, 1)
	go func() { failed <- c.Publish(context.Background(), m) }()
	close(cut)
	if err := await(t, failed, "the publication to fail with its connection"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("connection lost: %v, want unavailable", err)
	}
}

func TestRunEndsWithItsContextWhateverTheBrokerDoes(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // a port where connections are accepted and never answered
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	c := client(t, at(t, silent.Addr().String()), "ctl-1", nil)
	stop := background(t, c.Run)
	stop()

	dead := client(t, at(t, "127.0.0.1:1"), "ctl-1", nil)
	stop = background(t, dead.Run)
	stop()

	for range 20 { // at any moment of connecting
		b := brokertest.Start(t, brokertest.Embedded)
		c := client(t, b, "ctl-1", nil)
		c.Handle(wire.Topic("demo", "ctl-1", wire.Ack), func(context.Context, mqtt.Message) {})
		background(t, c.Run)()
		b.Stop()
	}
}

func TestPublishRefusesWhatNobodyMayReceive(t *testing.T) {
	c := client(t, at(t, "127.0.0.1:1"), "ctl-1", nil)
	for _, test := range []struct {
		name string
		m    mqtt.Message
		want fault.Kind
	}{
		{"a byte too large", mqtt.Message{Topic: "t", Payload: make([]byte, wire.MaxPayload+1)}, fault.TooLarge},
		{"no topic", mqtt.Message{}, fault.Invalid},
		{"a wildcard", mqtt.Message{Topic: "a/+/b"}, fault.Invalid},
		{"not UTF-8", mqtt.Message{Topic: "a\xff"}, fault.Invalid},
		{"the largest, but no connection", mqtt.Message{Topic: "t", Payload: make([]byte, wire.MaxPayload)}, fault.Unavailable},
	} {
		if err := c.Publish(t.Context(), test.m); fault.KindOf(err) != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestMistakesOfTheProgramAreLoud(t *testing.T) {
	b := brokertest.Start(t, brokertest.Embedded)
	c := client(t, b, "ctl-1", nil)
	up := connected(c)
	background(t, c.Run)
	await(t, up, "the connection")
	if err := c.Run(t.Context()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("second Run: %v, want conflict", err)
	}
	for what, fn := range map[string]func(){
		"Handle after Run":    func() { c.Handle("a", nil) },
		"OnConnect after Run": func() { c.OnConnect(nil) },
		"a malformed filter":  func() { client(t, b, "ctl-2", nil).Handle("a/#/b", nil) },
	} {
		if !panics(fn) {
			t.Errorf("%s was accepted", what)
		}
	}
}

func panics(fn func()) (did bool) {
	defer func() { did = recover() != nil }()
	fn()
	return false
}

func TestPublicationsOfManyGoroutinesAreUnderWayTogether(t *testing.T) {
	const many = 200
	b := fakeBroker(t, func(conn net.Conn, in *bufio.Reader) {
		var ids [][]byte
		for len(ids) < many { // none is acknowledged until all are there
			first, body := packet(in)
			if first>>4 != 3 {
				return
			}
			at := 2 + int(body[0])<<8 + int(body[1])
			ids = append(ids, body[at:at+2])
		}
		for _, id := range ids {
			_, _ = conn.Write([]byte{0x40, 2, id[0], id[1]})
		}
		packet(in)
	})
	c := client(t, b, "ctl-1", nil)
	up := connected(c)
	background(t, c.Run)
	await(t, up, "the connection")
	done := make(chan error, many)
	for range many {
		go func() { done <- c.Publish(context.Background(), mqtt.Message{Topic: "t", Payload: []byte("x")}) }()
	}
	for range many {
		if err := await(t, done, "a publication"); err != nil {
			t.Fatal(err)
		}
	}
}
