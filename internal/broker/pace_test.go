package broker

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"pgregory.net/rapid"

	"kanmon/internal/wire"
)

// Who waits as told never sends more than the bound in any time, and who stays below it never waits.
func TestAFloodIsReadAtABoundedRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p pace
		began := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
		now, packets, bytes := began, 0, 0
		size := rapid.SampledFrom([]int{1, 2000, 300_000, 1 << 20}).Draw(t, "size")
		for range rapid.IntRange(1, 20_000).Draw(t, "packets") {
			now = now.Add(p.take(now, size))
			packets, bytes = packets+1, bytes+size
		}
		passed := now.Sub(began).Seconds() + 0.001
		if float64(packets) > packetBurst+passed*packetRate || float64(bytes) > byteBurst+passed*byteRate {
			t.Fatalf("%d packets and %d bytes in %f s", packets, bytes, passed)
		}
	})
	var p pace
	now := time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)
	const batch, events, each = 64, 100_000, 600 // a backlog at twenty thousand events a second, in small batches
	for range events / batch {
		if wait := p.take(now, batch*each); wait > 0 {
			t.Fatalf("a controller that drains waits %v", wait)
		}
		now = now.Add(time.Second * batch / 20_000)
	}
}

// peer is a connection that was admitted, as the library sees it.
func peer(t *testing.T, h *hook, who Identity) (*conn, *mochi.Client) {
	t.Helper()
	mine, theirs := net.Pipe()
	c := newConn(theirs, theirs)
	go func() { _, _ = io.Copy(io.Discard, mine); _ = mine.Close() }()
	if entered, err := h.enter(c, who, h.throws()); !entered || err != nil {
		t.Fatal(err)
	}
	return c, &mochi.Client{ID: who.Name, Net: mochi.ClientConnection{Conn: c}}
}

func testHook() *hook {
	log := slog.New(slog.DiscardHandler)
	return newHook(Config{Site: "demo", Log: log}, new(counters), newThrottled(log))
}

func TestOnlyTheFloodingClientIsSlowedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := testHook()
		took := func(who Identity, topic string, kind byte) time.Duration {
			c, client := peer(t, h, who)
			began := time.Now()
			for range packetBurst + 2*packetRate {
				pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: kind}, TopicName: topic}
				if _, err := h.OnPacketRead(client, pk); err != nil {
					t.Fatal(err)
				}
			}
			passed := time.Since(began)
			_ = c.Close()
			c.end()
			return passed
		}
		mad, centre := Identity{Name: "mad", Role: Controller}, Identity{Name: wire.Centre, Role: Centre}
		if d := took(mad, wire.Topic("demo", "mad", wire.Events), packets.Publish); d.Round(time.Millisecond) != 2*time.Second {
			t.Errorf("a flood took %v", d)
		}
		if d := took(mad, "", packets.Pingreq); d.Round(time.Millisecond) != 2*time.Second {
			t.Errorf("a flood of pings took %v", d)
		}
		if d := took(mad, "", packets.Puback); d > 0 {
			t.Errorf("acknowledgements took %v", d)
		}
		if d := took(centre, wire.Topic("demo", "mad", wire.Ack), packets.Publish); d > 0 {
			t.Errorf("the centre took %v", d)
		}
	})
}

func TestAClientThatIsPausedCanBeThrownOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := testHook()
		c, _ := peer(t, h, Identity{Name: "mad", Role: Controller})
		began := time.Now()
		go func() { time.Sleep(time.Second); h.throwOut("mad") }()
		c.pause(time.Hour)
		if d := time.Since(began); d != time.Second {
			t.Errorf("it was paused for %v", d)
		}
		c.end()
	})
}
