package harness

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
)

// intruder is whoever has the credentials of one registered controller, ctl-2, and means harm. The real controller of
// the city is ctl-1.
type intruder struct {
	*System
	t      *testing.T
	secret string
	log    *record // of everything that runs
}

const (
	own   = "ctl-2"
	other = "ctl-1"
)

func intrude(t *testing.T) *intruder {
	t.Helper()
	s, log := Start(t), &record{}
	s.StopCentre()
	s.log = slog.New(slog.NewTextHandler(io.MultiWriter(&testLog{t: t}, log), nil))
	s.StartCentre()
	var made struct{ Secret string }
	if err := s.Client().Call(t.Context(), http.MethodPost, "controllers", map[string]string{"name": own, "place": "倉庫"}, &made); err != nil {
		t.Fatal(err)
	}
	s.await("the real controller", func() bool { return strings.Contains(log.String(), "connected to the broker") && s.online(other) })
	return &intruder{System: s, t: t, secret: made.Secret, log: log}
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

func (s *System) online(name string) bool {
	s.t.Helper()
	var out struct {
		Items []struct {
			Name   string
			Online bool
		}
	}
	if err := s.Client().Call(s.t.Context(), http.MethodGet, "controllers", nil, &out); err != nil {
		s.t.Fatal(err)
	}
	for _, c := range out.Items {
		if c.Name == name {
			return c.Online
		}
	}
	return false
}

// connected is a raw connection that the broker has let in as ctl-2.
func (i *intruder) connected() *raw {
	i.t.Helper()
	r := dial(i.t, i.City.Broker)
	if code, ok := r.connect(hello{id: own, user: own, password: i.secret}); !ok || code != 0 {
		i.t.Fatalf("the broker refuses a registered controller: %d, %v", code, ok)
	}
	return r
}

// unharmed checks what must hold after every attack: nothing panicked, no secret was logged, a stray card is still
// refused, a good one still opens, and the centre hears of it.
func (i *intruder) unharmed() {
	i.t.Helper()
	for _, word := range []string{"panic", i.secret} {
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
func (i *intruder) client(name, secret string, prepare func(*mqtt.Client)) *mqtt.Client {
	i.t.Helper()
	c, err := mqtt.New(mqtt.Config{
		URL: "tcp://" + i.City.Broker, ClientID: name, Username: name, Password: mqtt.NewSecret(secret),
		Log: i.System.log.With("program", "intruder"),
	})
	if err != nil {
		i.t.Fatal(err)
	}
	if prepare != nil {
		prepare(c)
	}
	p := i.run(c.Run)
	i.t.Cleanup(func() { i.end(&p, "intruder") })
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
