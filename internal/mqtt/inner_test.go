package mqtt

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"pgregory.net/rapid"

	"kanmon/internal/wire"
)

// R47-1.
func TestNothingIsSentInTheClear(t *testing.T) {
	own := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: make([]tls.Certificate, 1)}
	for url, ok := range map[string]bool{
		"tls://broker.city.jp:8883": true,
		"tls://[::1]:8883":          true,
		"tcp://127.0.0.1:1883":      false,
		"tcp://localhost:1883":      false,
		"tls://127.0.0.1":           false,
		"tls://:8883":               false,
		"tls://u:p@broker:8883":     false,
		"ws://127.0.0.1:80":         false,
		"":                          false,
	} {
		if _, err := New(Config{URL: url, ClientID: "c", Log: slog.New(slog.DiscardHandler), TLS: own}); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	good := Config{URL: "tls://127.0.0.1:1", ClientID: "c", Log: slog.New(slog.DiscardHandler), TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}}
	for name, change := range map[string]func(*Config){
		"nothing wrong":           func(*Config) {},
		"no client id":            func(c *Config) { c.ClientID = "" },
		"no logger":               func(c *Config) { c.Log = nil },
		"no TLS":                  func(c *Config) { c.TLS = nil },
		"no certificate":          func(c *Config) { c.TLS = &tls.Config{} },
		"a broker not checked":    func(c *Config) { c.TLS = c.TLS.Clone(); c.TLS.InsecureSkipVerify = true },
		"keep-alive under 1 s":    func(c *Config) { c.KeepAlive = time.Millisecond },
		"negative queue":          func(c *Config) { c.QueueSize = -1 },
		"a will without a topic":  func(c *Config) { c.Will = &Message{} },
		"a will that is too long": func(c *Config) { c.Will = &Message{Topic: "t", Payload: make([]byte, wire.MaxPayload+1)} },
	} {
		c := good
		change(&c)
		if _, err := New(c); (err == nil) != (name == "nothing wrong") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The examples of MQTT 3.1.1, 4.7.1.2, 4.7.1.3 and 4.7.2.
func TestFiltersMatchAsTheStandardSays(t *testing.T) {
	for _, test := range []struct {
		filter, topic string
		want          bool
	}{
		{"sport/tennis/player1/#", "sport/tennis/player1", true},
		{"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
		{"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
		{"sport/tennis/player1/#", "sport/tennis/player10", false},
		{"#", "a/b", true},
		{"sport/tennis/+", "sport/tennis/player1", true},
		{"sport/tennis/+", "sport/tennis/player1/ranking", false},
		{"sport/+", "sport", false},
		{"sport/+", "sport/", true},
		{"+/+", "/finance", true},
		{"/+", "/finance", true},
		{"+", "/finance", false},
		{"#", "$SYS/x", false},
		{"+/monitor/Clients", "$SYS/monitor/Clients", false},
		{"$SYS/#", "$SYS/x", true},
		{"a/b", "a/b", true},
		{"a/b", "a", false},
		{"a", "a/b", false},
	} {
		if got := match(test.filter, test.topic); got != test.want {
			t.Errorf("%q on %q: %t", test.filter, test.topic, got)
		}
	}
	for filter, want := range map[string]bool{"a/#": true, "#": true, "+/a": true, "": false, "a#": false, "a/#/b": false, "a+/b": false, "a\x00": false} {
		if validFilter(filter) != want {
			t.Errorf("filter %q: valid %t", filter, !want)
		}
	}
}

// Against the same rule said as a regular expression.
func TestMatchAgreesWithARegularExpression(t *testing.T) {
	level := rapid.SampledFrom([]string{"a", "b", "", "+", "#"})
	rapid.Check(t, func(t *rapid.T) {
		filter := strings.Join(rapid.SliceOfN(level, 1, 4).Draw(t, "filter"), "/")
		topic := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", ""}), 1, 4).Draw(t, "topic"), "/")
		if !validFilter(filter) || !validTopic(topic) {
			return
		}
		expression := "^" + strings.ReplaceAll(filter, "+", "[^/]*") + "$"
		expression = strings.ReplaceAll(expression, "/#$", "(/.*)?$")
		expression = strings.ReplaceAll(expression, "^#$", "^.*$")
		if want := regexp.MustCompile(expression).MatchString(topic); match(filter, topic) != want {
			t.Fatalf("%q on %q: want %t", filter, topic, want)
		}
	})
}

func TestPausesGrowWithinTheirBoundsAndStartAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := time.Duration(rapid.Int64Range(1, 1000).Draw(t, "least")) * time.Millisecond
		most := least + time.Duration(rapid.Int64Range(0, 60_000).Draw(t, "more"))*time.Millisecond
		b := backoff{least: least, most: most}
		full := least
		for range rapid.IntRange(1, 70).Draw(t, "attempts") {
			wait := b.next(rapid.Float64Range(0, 0.999).Draw(t, "random"))
			if wait < full/2 || wait > full {
				t.Fatalf("pause %v, want %v–%v", wait, full/2, full)
			}
			full = min(2*full, most)
		}
		b.reset()
		if wait := b.next(0.999); wait > least {
			t.Fatalf("pause %v after a good connection, want at most %v", wait, least)
		}
	})
}

// What the guard passes, the library must be able to read.
func FuzzReadPacket(f *testing.F) {
	f.Add([]byte{0x20, 2, 0, 0})
	f.Add([]byte{0x90, 3, 0, 1, 1})
	f.Add([]byte{0x32, 6, 0, 1, 't', 0, 1, 'x'})
	f.Add([]byte{0x30, 0x84, 0x00, 0, 1, 't', 'x'})
	f.Add([]byte{0xD0, 0})
	f.Add([]byte{0x40, 2, 0, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		packet, err := readPacket(bufio.NewReader(bytes.NewReader(b)), 1)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(b, packet) {
			t.Fatalf("passes %x of %x", packet, b)
		}
		decoded, err := packets.ReadPacket(bytes.NewReader(packet))
		if err != nil {
			t.Fatalf("the library cannot read %x: %v", packet, err)
		}
		if s, ok := decoded.(*packets.SubackPacket); ok && len(s.ReturnCodes) != 1 {
			t.Fatalf("%d return codes for one filter", len(s.ReturnCodes))
		}
	})
}
