package broker_test

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kanmon/internal/broker"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/broker/mosquitto"
	"kanmon/internal/wire"
)

// corpus is one proper packet of each type that a client or a server sends, and some that MQTT 5 has.
func corpus() [][]byte {
	full := brokertest.As("ctl-1").WithWill(status1, "gone")
	full.User, full.Password = "ctl-1", "pw"
	five := full
	five.Version = 5
	qos := func(n byte) []byte {
		return brokertest.Frame(0x30|n<<1, append(append(brokertest.Text(events1), 0, 7), `{"v":1}`...))
	}
	return [][]byte{
		full.Bytes(), five.Bytes(),
		{0x20, 2, 0, 0},
		brokertest.Publication(status1, "{}", 7, 1), qos(1), qos(2), qos(3),
		brokertest.Frame(0x30, append(brokertest.Text(events1), "{}"...)),
		{0x40, 2, 0, 7},
		{0x50, 2, 0, 7},
		{0x62, 2, 0, 7},
		{0x70, 2, 0, 7},
		brokertest.Frame(0x82, append(append([]byte{0, 9}, brokertest.Text(ack1)...), 1)),
		{0x90, 3, 0, 9, 1},
		brokertest.Frame(0xA2, append([]byte{0, 9}, brokertest.Text(ack1)...)),
		{0xB0, 2, 0, 9},
		{0xC0, 0},
		{0xD0, 0},
		{0xE0, 0},
		{0xF0, 0},
		{0xF0, 2, 0x18, 0},
	}
}

// mutate spoils a packet in one to four places.
func mutate(r *rand.Rand, packet []byte, other []byte) []byte {
	b := append([]byte(nil), packet...)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return b
		}
		at := r.IntN(len(b))
		switch r.IntN(7) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = []byte{0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF}[r.IntN(7)]
		case 2:
			b = b[:at]
		case 3:
			b = append(b[:at], append([]byte{byte(r.IntN(256))}, b[at:]...)...)
		case 4:
			b = append(b[:at], append(append([]byte(nil), other...), b[at:]...)...)
		case 5: // another length of the whole
			length := [][]byte{{0}, {1}, {0x7F}, {0xFF, 0x7F}, {0xFF, 0xFF, 0xFF, 0x7F}, {0xFF, 0xFF, 0xFF, 0xFF, 0x7F}, {0x80, 0x80, 0x80, 0}}[r.IntN(7)]
			b = append(append([]byte{b[0]}, length...), b[min(2, len(b)):]...)
		case 6:
			b = append(b[:at], b[min(len(b), at+1+r.IntN(8)):]...)
		}
	}
	return b
}

// mutations is how many packets each broker gets: in CI as many as fit into seconds, else into KANMON_TORTURE minutes.
func mutations(t *testing.T) (most int, until time.Time) {
	t.Helper()
	minutes := os.Getenv("KANMON_TORTURE")
	if minutes == "" {
		return 100_000, time.Now().Add(4 * time.Second)
	}
	n, err := strconv.ParseFloat(minutes, 64)
	if err != nil || n <= 0 {
		t.Fatalf("KANMON_TORTURE=%q is no number of minutes", minutes)
	}
	return 1 << 62, time.Now().Add(time.Duration(n * float64(time.Minute)))
}

// M-13: whatever bytes clients send, before they are admitted or after, the broker lives and serves the others. Sessions are without
// TLS here: what is tried is what reads MQTT.
func TestM13MalformedPacketsAreSurvived(t *testing.T) {
	brokertest.Each(t, func(t *testing.T, kind brokertest.Kind) {
		dial, witness, after := clear(t, kind)
		most, until := mutations(t)
		var sent atomic.Int64
		var wg sync.WaitGroup
		seed := uint64(time.Now().UnixNano())
		began := time.Now()
		for lane := range uint64(4) {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(seed, lane))
				for int(sent.Load()) < most && time.Now().Before(until) {
					packets := corpus()
					packet := mutate(r, packets[r.IntN(len(packets))], packets[r.IntN(len(packets))])
					if t.Failed() {
						return
					}
					torment(t, dial(int(lane)+1), r.IntN(4) > 0, fmt.Sprint("ctl-", lane+1), packet)
					if n := sent.Add(1); n%5000 == 0 && !witness() {
						t.Errorf("seed %d: after %d packets, the last of them %x, others are not served", seed, n, packet)
						return
					}
				}
			})
		}
		wg.Wait()
		if !witness() {
			t.Errorf("seed %d: others are not served", seed)
		}
		after()
		if sent.Load() < 2000 {
			t.Errorf("only %d packets were sent", sent.Load())
		}
		t.Logf("%d packets in %v, seed %d", sent.Load(), time.Since(began).Round(time.Millisecond), seed)
	})
}

// torment sends a packet, mostly after a proper CONNECT, and lets the broker read it to its end.
func torment(t *testing.T, conn net.Conn, admitted bool, id string, packet []byte) {
	t.Helper()
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(brokertest.Patience))
	if admitted {
		h := brokertest.As(id)
		h.User = id
		if _, err := conn.Write(h.Bytes()); err != nil {
			t.Errorf("%s cannot say who it is: %v", id, err)
			return
		}
		answer := make([]byte, 4)
		if n, err := conn.Read(answer); err != nil || n != 4 || answer[3] != 0 {
			t.Errorf("%s was refused: %x, %v", id, answer[:n], err)
			return
		}
	}
	_, _ = conn.Write(packet)
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return
	}
	_ = half.CloseWrite()
	rest := make([]byte, 512)
	for {
		if _, err := conn.Read(rest); err != nil {
			return
		}
	}
}

// clear gives connections without TLS, a client that is served (or not), and what is to be looked at in the end.
func clear(t *testing.T, kind brokertest.Kind) (dial func(lane int) net.Conn, witness func() bool, after func()) {
	t.Helper()
	if kind == brokertest.Mosquitto {
		return clearMosquitto(t)
	}
	b, inner := brokertest.Configure(t, func(*broker.Config) {})
	certificates := map[int]*x509.Certificate{}
	for lane := range 5 {
		var err error
		if certificates[lane], err = x509.ParseCertificate(b.Authority.Device(fmt.Sprint("ctl-", lane)).Certificate[0]); err != nil {
			t.Fatal(err)
		}
	}
	dial = func(lane int) net.Conn {
		mine, theirs := net.Pipe() // sockets would use up the machine's ports
		inner.ServeConn(theirs, certificates[lane])
		return mine
	}
	own := b.TLS(wire.Centre)
	return dial, func() bool { return b.Admits(own, brokertest.As(wire.Centre)) }, func() {
		if n := inner.Stats().Panics; n > 0 {
			t.Errorf("%d panics", n)
		}
	}
}

// clearMosquitto listens on a socket of the file system besides, with the documented limits.
func clearMosquitto(t *testing.T) (dial func(int) net.Conn, witness func() bool, after func()) {
	t.Helper()
	var socket string
	b := brokertest.StartChanged(t, func(dir string) {
		socket = filepath.Join(dir, "socket")
		add(t, filepath.Join(dir, mosquitto.ConfFile), "allow_anonymous true\nlistener 0 "+socket+"\nmax_qos 1\n")
	})
	brokertest.Until(t, "it listens there too", func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	dial = func(int) net.Conn {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Errorf("%v\n%s", err, b.Log())
			conn, _ = net.Pipe()
			_ = conn.Close()
		}
		return conn
	}
	own := b.TLS(wire.Centre)
	return dial, func() bool { return b.Admits(own, brokertest.As(wire.Centre)) }, func() {}
}

// M-13: the same for the fuzzer, which looks for what the broker has not done before.
func FuzzM13AnyBytesAreSurvived(f *testing.F) {
	for _, packet := range corpus() {
		f.Add(true, packet)
		f.Add(false, packet)
	}
	b, inner := brokertest.Configure(f, func(*broker.Config) {})
	certificate, err := x509.ParseCertificate(b.Authority.Device("ctl-1").Certificate[0])
	if err != nil {
		f.Fatal(err)
	}
	witness := b.Connect("ctl-4")
	f.Fuzz(func(t *testing.T, admitted bool, sent []byte) {
		mine, theirs := net.Pipe()
		inner.ServeConn(theirs, certificate)
		torment(t, mine, admitted, "ctl-1", sent)
		_ = witness.Conn.SetDeadline(time.Now().Add(brokertest.Patience))
		if !witness.Ping() {
			t.Fatal("the broker does not answer others any more")
		}
		if n := inner.Stats().Panics; n > 0 {
			t.Fatalf("%d panics", n)
		}
	})
}
