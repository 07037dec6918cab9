package harness

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kanmon/controller/identity"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
)

// intruder is whoever has the key and the certificate of one enrolled controller, ctl-2, and means harm. The real controller of
// the city is ctl-1.
type intruder struct {
	*System
	t   *testing.T
	id  identity.Identity
	log *record // of everything that runs
}

const (
	own   = "ctl-2"
	other = "ctl-1"
)

func intrude(t *testing.T) *intruder {
	t.Helper()
	log := &record{}
	s := Start(t, Recorded(log))
	i := &intruder{System: s, t: t, log: log}
	i.id = i.enrolled(own)
	return i
}

// enrolled registers a controller and enrols it, in a folder of its own.
func (i *intruder) enrolled(name string) identity.Identity {
	i.t.Helper()
	if err := i.Client().Call(i.t.Context(), http.MethodPost, "controllers", map[string]string{"name": name, "place": "倉庫"}, nil); err != nil {
		i.t.Fatal(err)
	}
	var made struct{ Token string }
	if err := i.Client().Call(i.t.Context(), http.MethodPost, "controllers/"+name+"/token", nil, &made); err != nil {
		i.t.Fatal(err)
	}
	return i.enrolAs(name, made.Token, i.t.TempDir())
}

// record keeps what is logged.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps one line.
func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// dial opens a connection to the broker with a configuration; in TLS 1.3 a refusal shows at the first read.
func (i *intruder) dial(config *tls.Config) *brokertest.Raw {
	i.t.Helper()
	conn, err := net.Dial("tcp", i.City.Broker)
	if err != nil {
		i.t.Fatal(err)
	}
	config = config.Clone()
	config.ServerName = "127.0.0.1"
	return brokertest.Over(i.t, tls.Client(conn, config))
}

// connected is a raw connection that the broker has let in as this identity.
func (i *intruder) connected(id identity.Identity) *brokertest.Raw {
	i.t.Helper()
	r := i.dial(tlsOf(id))
	if !r.Connect(brokertest.As(id.Controller)) {
		i.t.Fatalf("the broker refuses an enrolled controller\n%s", i.log)
	}
	return r
}

// unharmed checks what must hold after every attack: nothing panicked, no secret was logged, a stray card is still
// refused, a good one still opens, and the centre hears of it.
func (i *intruder) unharmed() {
	i.t.Helper()
	for _, word := range []string{"panic", string(i.id.HashKey.Bytes())} {
		if strings.Contains(i.log.String(), word) {
			i.t.Errorf("the log holds %q", word)
		}
	}
	granted := count(i.Events(), "access_granted")
	if a := i.Tap("IN-1", "拾得カード"); a.Released || a.LED != "red" {
		i.t.Errorf("a stray card got %+v", a)
	}
	if a := i.Tap("IN-1", "佐藤"); !a.Released || a.LED != "green" {
		i.t.Errorf("a good card got %+v", a)
	}
	i.await("the tap after the attack", func() bool { return count(i.Events(), "access_granted") == granted+1 })
}

// client runs a client of Kanmon's own until the test ends.
func (i *intruder) client(prepare func(*mqtt.Client)) *mqtt.Client {
	i.t.Helper()
	c, err := mqtt.New(mqtt.Config{
		URL: "tls://" + i.City.Broker, ClientID: own, TLS: tlsOf(i.id), Log: i.System.log.With("program", "intruder"),
	})
	if err != nil {
		i.t.Fatal(err)
	}
	if prepare != nil {
		prepare(c)
	}
	p := i.run(c.Run)
	i.t.Cleanup(func() { p.stop("intruder") })
	return c
}

// publish publishes as one of Kanmon's own clients would.
func (i *intruder) publish(c *mqtt.Client, topic string, payload []byte) {
	i.t.Helper()
	i.await("the publication", func() bool {
		err := c.Publish(i.t.Context(), mqtt.Message{Topic: topic, Payload: payload})
		if err != nil && fault.KindOf(err) != fault.Unavailable {
			i.t.Fatal(err)
		}
		return err == nil
	})
}
