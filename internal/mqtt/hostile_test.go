package mqtt_test

import (
	"bufio"
	"context"
	"net"
	"testing"
	"time"

	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

func TestABrokerThatStopsReadingHoldsUpNobody(t *testing.T) {
	hold := make(chan struct{})
	b := fakeBroker(t, func(net.Conn, *bufio.Reader) { <-hold })
	c := client(t, b, "ctl-1", nil)
	up := connected(c)
	stop := background(t, c.Run)
	await(t, up, "the connection")
	big := mqtt.Message{Topic: "t", Payload: make([]byte, wire.MaxPayload)}
	for range 12 { // more than the sockets' buffers take
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := c.Publish(ctx, big); err == nil {
			t.Error("published to a broker that does not answer")
		}
		cancel()
	}
	stop()
	close(hold)
}

func TestARefusedSubscriptionIsNoConnection(t *testing.T) {
	tries := make(chan struct{}, 100)
	b := fakeBroker(t, func(conn net.Conn, in *bufio.Reader) {
		first, body := packet(in)
		if first != 0x82 {
			t.Errorf("packet %x, want a SUBSCRIBE with QoS 1", first)
			return
		}
		_, _ = conn.Write([]byte{0x90, 3, body[0], body[1], 0x80})
		tries <- struct{}{}
		packet(in)
	})
	c := client(t, b, "ctl-1", nil)
	c.Handle("kanmon/v1/demo/ctl-2/ack", func(context.Context, mqtt.Message) {})
	background(t, c.Run)
	await(t, tries, "the first try")
	await(t, tries, "the second try")
	if c.Stats().Connected != 0 {
		t.Error("counted as connected although the broker refused the subscription")
	}
}

func TestAHostileBrokerOnlyLosesTheConnection(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"more return codes than filters": {0x90, 6, 0, 1, 1, 1, 1, 1},
		"a packet of 256 MB":             {0x30, 0xFF, 0xFF, 0xFF, 0x7F},
		"a length of five bytes":         {0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01},
		"a CONNECT":                      {0x10, 0},
		"a type that does not exist":     {0xF0, 0},
		"QoS 3":                          {0x36, 7, 0, 1, 't', 0, 1, 'x', 'y'},
		"QoS 2":                          {0x34, 7, 0, 1, 't', 0, 1, 'x', 'y'},
		"a topic longer than its packet": {0x30, 3, 0, 9, 't'},
		"a topic with a wildcard":        {0x30, 5, 0, 1, '#', 'x', 'y'},
		"a PUBACK of one byte":           {0x40, 1, 0},
		"half a packet":                  {0x30, 9, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tries := make(chan struct{}, 100)
			b := fakeBroker(t, func(conn net.Conn, in *bufio.Reader) {
				packet(in) // SUBSCRIBE
				_, _ = conn.Write(bytes)
				if name == "half a packet" {
					return
				}
				tries <- struct{}{}
				packet(in)
			})
			if name == "half a packet" {
				close(tries)
			}
			c := client(t, b, "ctl-1", nil)
			c.Handle("a/b", func(context.Context, mqtt.Message) { t.Error("a message was delivered") })
			background(t, c.Run)
			await(t, tries, "the first try")
			await(t, tries, "the client to come back")
		})
	}
}
