package mqtt_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

func TestMessagesArriveInOrderAndAHandlerMayPublish(t *testing.T) {
	address, _ := startBroker(t, "127.0.0.1:0")
	const n = 200
	controller := client(t, address, "ctl-1", nil)
	answered := make(chan string, n)
	controller.Handle(wire.Topic("demo", "ctl-1", wire.Ack), func(_ context.Context, m mqtt.Message) { answered <- string(m.Payload) })
	controllerUp := connected(controller)

	centre := client(t, address, "centre", nil)
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

func TestSubscribesAgainAfterTheBrokerWasRestarted(t *testing.T) {
	address, stop := startBroker(t, "127.0.0.1:0")
	got := make(chan mqtt.Message, 10)
	controller := client(t, address, "ctl-1", nil)
	controller.Handle(wire.Topic("demo", "ctl-1", wire.Policy), func(_ context.Context, m mqtt.Message) { got <- m })
	up := connected(controller)
	background(t, controller.Run)
	await(t, up, "the first connection")
	stop()
	until(t, "the loss is seen", func() bool { return !controller.Connected() })
	if err := controller.Publish(t.Context(), mqtt.Message{Topic: "t"}); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("publish without a connection: %v, want unavailable", err)
	}

	startBroker(t, address)
	await(t, up, "the second connection")
	centre := client(t, address, "centre", nil)
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
}

func TestARetainedMessageArrivesMarkedAsRetained(t *testing.T) {
	address, _ := startBroker(t, "127.0.0.1:0")
	controller := client(t, address, "ctl-1", nil)
	up := connected(controller)
	background(t, controller.Run)
	await(t, up, "the controller's connection")
	status := mqtt.Message{Topic: wire.Topic("demo", "ctl-1", wire.Status), Payload: []byte("{}"), Retained: true}
	if err := controller.Publish(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	got := make(chan mqtt.Message, 10)
	centre := client(t, address, "centre", nil)
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
	address, _ := startBroker(t, "127.0.0.1:0")
	got := make(chan string, 10)
	centre := client(t, address, "centre", nil)
	centre.Handle(wire.Filter("demo", wire.Status), func(_ context.Context, m mqtt.Message) {
		if !m.Retained { // the kept copy is looked up after the SUBACK and may come besides
			got <- m.Topic + " " + string(m.Payload)
		}
	})
	centreUp := connected(centre)
	background(t, centre.Run)
	await(t, centreUp, "the centre's connection")

	topic := wire.Topic("demo", "ctl-1", wire.Status)
	controller := client(t, address, "ctl-1", func(c *mqtt.Config) {
		c.Will = &mqtt.Message{Topic: topic, Payload: []byte("gone"), Retained: true}
	})
	up := connected(controller)
	stop := background(t, controller.Run)
	await(t, up, "the controller's connection")
	stop()
	if s := await(t, got, "the last words of a client that left"); s != topic+" gone" {
		t.Errorf("got %q", s)
	}

	// One that vanishes: a raw connection with the same will, cut.
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	body := append([]byte{0, 4, 'M', 'Q', 'T', 'T', 4, 0b1100_0110, 0, 60}, field("ctl-1", topic, "cut", "ctl-1", "pw")...)
	if _, err := conn.Write(append([]byte{0x10, byte(len(body))}, body...)); err != nil {
		t.Fatal(err)
	}
	if first, answer := packet(bufio.NewReader(conn)); first != 0x20 || answer[1] != 0 {
		t.Fatalf("connection answer %x %x", first, answer)
	}
	_ = conn.Close()
	for s := ""; s != topic+" cut"; { // the first client's own will may come too, when its place is taken before its good-bye is read
		s = await(t, got, "the will of a client that vanished")
	}
}

func field(values ...string) (b []byte) {
	for _, v := range values {
		b = append(b, byte(len(v)>>8), byte(len(v)))
		b = append(b, v...)
	}
	return b
}

func TestAWrongPasswordIsTriedAgainForEver(t *testing.T) {
	address, _ := startBroker(t, "127.0.0.1:0")
	var dials atomic.Int32
	proxy := fakeDialCounter(t, address, &dials)
	c := client(t, proxy, "ctl-1", func(c *mqtt.Config) { c.Password = mqtt.NewSecret("wrong") })
	background(t, c.Run)
	until(t, "three attempts were made", func() bool { return dials.Load() >= 3 })
	if c.Connected() {
		t.Error("connected with a wrong password")
	}
}

// fakeDialCounter passes connections on and counts them.
func fakeDialCounter(t *testing.T, to string, n *atomic.Int32) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			onward, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			pipe(from, onward)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func pipe(a, b net.Conn) {
	shuffle := func(to, from net.Conn) {
		buffer := make([]byte, 4096)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				break
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		_, _ = to.Close(), from.Close()
	}
	go shuffle(a, b)
	go shuffle(b, a)
}

func TestOverflowDropsTheNewestAndCounts(t *testing.T) {
	address, _ := startBroker(t, "127.0.0.1:0")
	const sent, queue = 20, 4
	entered, release := make(chan struct{}, sent), make(chan struct{})
	got := make(chan string, sent)
	centre := client(t, address, "centre", func(c *mqtt.Config) { c.QueueSize = queue })
	centre.Handle(wire.Filter("demo", wire.Events), func(_ context.Context, m mqtt.Message) {
		entered <- struct{}{}
		<-release
		got <- string(m.Payload)
	})
	up := connected(centre)
	background(t, centre.Run)
	await(t, up, "the centre's connection")
	controller := client(t, address, "ctl-1", nil)
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
	until(t, "all have arrived", func() bool { s := centre.Stats(); return s.Received+s.Dropped == sent })
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
	address := fakeBroker(t, func(_ net.Conn, in *bufio.Reader) {
		packet(in) // the publication; never acknowledged
		<-cut
	})
	c := client(t, address, "ctl-1", nil)
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
	nobody, err := net.Listen("tcp", "127.0.0.1:0") // a port where connections are accepted and never answered
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nobody.Close() }()
	c := client(t, nobody.Addr().String(), "ctl-1", nil)
	stop := background(t, c.Run)
	stop()

	dead := client(t, "127.0.0.1:1", "ctl-1", nil)
	stop = background(t, dead.Run)
	stop()

	for range 20 { // at any moment of connecting
		address, stopBroker := startBroker(t, "127.0.0.1:0")
		c := client(t, address, "ctl-1", nil)
		c.Handle(wire.Topic("demo", "ctl-1", wire.Ack), func(context.Context, mqtt.Message) {})
		background(t, c.Run)()
		stopBroker()
	}
}

func TestPublishRefusesWhatNobodyMayReceive(t *testing.T) {
	c := client(t, "127.0.0.1:1", "ctl-1", nil)
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
	address, _ := startBroker(t, "127.0.0.1:0")
	c := client(t, address, "ctl-1", nil)
	up := connected(c)
	background(t, c.Run)
	await(t, up, "the connection")
	if err := c.Run(t.Context()); fault.KindOf(err) != fault.Conflict {
		t.Errorf("second Run: %v, want conflict", err)
	}
	for what, fn := range map[string]func(){
		"Handle after Run":    func() { c.Handle("a", nil) },
		"OnConnect after Run": func() { c.OnConnect(nil) },
		"a malformed filter":  func() { client(t, address, "ctl-2", nil).Handle("a/#/b", nil) },
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
