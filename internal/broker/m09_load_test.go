package broker_test

import (
	"crypto/tls"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kanmon/internal/broker"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// pace sends messages from the centre to ctl-2 one after the other and returns how long each took until it arrived, in order
// of length. A few hundred microseconds are normal.
func pace(t *testing.T, centre, two *brokertest.Raw, rounds int, between func(round int)) []time.Duration {
	t.Helper()
	took := make([]time.Duration, rounds)
	for i := range rounds {
		between(i)
		began := time.Now()
		if !centre.Publish(ack2, strconv.Itoa(i), 0) {
			t.Fatal("the centre was not acknowledged")
		}
		if m := two.Receive(); m.Payload != strconv.Itoa(i) {
			t.Fatalf("ctl-2 received %+v", m)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took
}

// Bounds far above what is normal and far below what a client that is waited for would cost (stallTime is 10 s).
const (
	medianBound  = 500 * time.Millisecond
	longestBound = 5 * time.Second
)

func judge(t *testing.T, what string, took []time.Duration) {
	t.Helper()
	median, longest := took[len(took)/2], took[len(took)-1]
	if median > medianBound || longest > longestBound {
		t.Errorf("%s: median %v, longest %v", what, median, longest)
	}
	t.Logf("%s: median %v, longest %v", what, median, longest)
}

// M-9: a client that does not read what is sent to it delays nobody else.
func TestM9ASlowReaderDelaysNobody(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		slow := b.Connect("ctl-1")
		_ = slow.Conn.(*tls.Conn).NetConn().(*net.TCPConn).SetReadBuffer(4096)
		slow.Subscribe(policy1)
		centre, two := b.Connect(wire.Centre), b.Connect("ctl-2")
		two.Subscribe(ack2)
		big := strings.Repeat("x", wire.MaxPayload)
		judge(t, "beside a client that does not read", pace(t, centre, two, 60, func(int) {
			if !centre.Publish(policy1, big, 0) { // more than the sockets' buffers take
				t.Fatal("the centre was not acknowledged")
			}
		}))
	})
}

// M-9: the embedded broker throws it out.
func TestM9ASlowReaderIsThrownOut(t *testing.T) {
	b, inner := brokertest.Configure(t, func(*broker.Config) {})
	slow := b.Connect("ctl-1")
	slow.Subscribe(policy1)
	centre := b.Connect(wire.Centre)
	big := strings.Repeat("x", wire.MaxPayload)
	for range 80 { // more than the bound on what is not taken
		centre.Publish(policy1, big, 0)
	}
	brokertest.Until(t, "it is thrown out", func() bool { return inner.Stats().Slow == 1 })
}

// M-9: and one that reads everything and acknowledges nothing, for which the broker would have to keep it all.
func TestM9AClientThatDoesNotAcknowledgeIsThrownOut(t *testing.T) {
	b, inner := brokertest.Configure(t, func(*broker.Config) {})
	silent := b.Connect("ctl-1")
	silent.Subscribe(policy1)
	centre := b.Connect(wire.Centre)
	ended := make(chan bool, 1)
	go func() { ended <- silent.Ended() }() // reads
	big := strings.Repeat("x", wire.MaxPayload)
	for range 80 {
		centre.Publish(policy1, big, 0)
	}
	if !<-ended || inner.Stats().Slow != 1 {
		t.Errorf("still connected: %+v", inner.Stats())
	}
	honest := b.Connect("ctl-1")
	honest.Subscribe(policy1)
	for range 80 {
		for _, c := range []*brokertest.Raw{centre, honest} { // each message has its time, however slow the machine
			if err := c.Conn.SetDeadline(time.Now().Add(brokertest.Patience)); err != nil {
				t.Fatal(err)
			}
		}
		centre.Publish(policy1, big, 0)
		if m := honest.Receive(); len(m.Payload) != len(big) {
			t.Fatal("one that acknowledges was thrown out")
		}
	}
}

// M-9: clients that send as much as they can delay the others within bounds.
func TestM9AFloodDelaysOthersWithinBounds(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		centre, two := b.Connect(wire.Centre), b.Connect("ctl-2")
		two.Subscribe(ack2)
		var wg sync.WaitGroup
		var flooders []*brokertest.Raw
		for _, id := range []string{"ctl-1", "ctl-3"} {
			r := b.Connect(id)
			flooders = append(flooders, r)
			packet := brokertest.Publication(brokertest.Topic(id, wire.Events), strings.Repeat("x", 2000), 7, 0)
			wg.Go(func() { r.Ended() }) // reads the acknowledgements
			wg.Go(func() {
				for {
					if _, err := r.Conn.Write(packet); err != nil {
						return
					}
				}
			})
		}
		judge(t, "beside two clients that flood", pace(t, centre, two, 100, func(int) {}))
		for _, r := range flooders {
			r.Close()
		}
		wg.Wait()
	})
}

// M-9: the largest payload goes through, and a packet beyond the limit ends its sender's connection and reaches nobody.
func TestM9APacketBeyondTheLimitEndsTheConnection(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		centre := b.Connect(wire.Centre)
		centre.Subscribe(filter(wire.Events))
		if !b.Connect("ctl-1").Publish(events1, strings.Repeat("x", wire.MaxPayload), 0) {
			t.Error("the largest payload was refused")
		}
		if m := centre.Receive(); len(m.Payload) != wire.MaxPayload {
			t.Errorf("the centre received %d bytes", len(m.Payload))
		}
		for _, size := range []int{wire.MaxPayload + 4096, 10 << 20} {
			r := b.Connect("ctl-1")
			r.Send(brokertest.Publication(events1, strings.Repeat("y", size), 7, 0))
			if !r.Ended() {
				t.Errorf("%d bytes: still connected", size)
			}
		}
		b.Connect("ctl-1").Publish(events1, "next", 0)
		if m := centre.Receive(); m.Payload != "next" {
			t.Errorf("the centre received %d bytes", len(m.Payload))
		}
	})
}

// M-9: connections that say nothing do not keep the others out.
func TestM9ConnectionsAreBounded(t *testing.T) {
	b, inner := brokertest.Configure(t, func(c *broker.Config) { c.MaxClients = 2 })
	b.Connect("ctl-1")
	b.Connect("ctl-2")
	if b.Admits(b.TLS("ctl-3"), brokertest.As("ctl-3")) {
		t.Error("a third client was admitted")
	}
	for range 200 { // silent ones
		conn, err := net.Dial("tcp", b.Address())
		if err != nil {
			t.Fatal(err)
		}
		brokertest.Over(t, conn)
	}
	brokertest.Until(t, "some were refused", func() bool { return inner.Stats().Refused > 1 })
	if n := inner.Stats().Clients; n > 2+64 {
		t.Errorf("%d connections", n)
	}
}

// R75-3: one revocation reaches five hundred controllers, and all their answers reach the centre, whole and at once: nothing is dropped
// for coming in one moment.
func TestM9OneRevocationReachesFiveHundredAndAllTheirAnswersComeBack(t *testing.T) {
	const many = 500
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		b := brokertest.Start(t, kind)
		var names []string
		for i := range many {
			names = append(names, "ctl-"+strconv.Itoa(i+1))
		}
		b.Register(names...)
		centre := b.Connect(wire.Centre)
		centre.Subscribe(filter(wire.Receipt))
		clients := make([]*brokertest.Raw, many)
		for i, name := range names {
			clients[i] = b.Connect(name)
			clients[i].Subscribe(toAll)
		}
		for range 3 {
			began := time.Now()
			var wg sync.WaitGroup
			for i, r := range clients {
				_ = r.Conn.SetDeadline(time.Now().Add(brokertest.Patience))
				wg.Go(func() {
					if m := r.Receive(); m.Topic == toAll {
						r.Send(brokertest.Publication(brokertest.Topic(names[i], wire.Receipt), m.Payload, 7, 0))
						r.Send(brokertest.Publication(brokertest.Topic(names[i], wire.Receipt), "and more", 8, 0))
					}
				})
			}
			_ = centre.Conn.SetDeadline(time.Now().Add(brokertest.Patience))
			centre.Publish(toAll, "revoked", 0)
			answers := map[string]int{}
			for range 2 * many {
				answers[centre.Receive().Topic]++
			}
			wg.Wait()
			took := time.Since(began)
			if answers[""] > 0 || len(answers) != many || took > longestBound {
				t.Errorf("%d answered, %d are missing, after %v", len(answers), answers[""], took)
			}
			t.Logf("to %d and back twice: %v", many, took)
		}
	})
}
