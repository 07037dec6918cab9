package api

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"kanmon/internal/event"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
)

// farDoor is a controller as the centre sees it: enrolled over REST, connected to the broker with its own certificate, signing what it says.
type farDoor struct {
	t    *testing.T
	name string
	key  pki.SigningKey
	cert []byte // PEM
	ca   []byte
	cmds []ed25519.PublicKey

	acks chan wire.AckUpTo
	link *mqtt.Client
	stop func()
}

// enter registers a controller and enrols it as a technician would.
func (r *running) enter(name string) *farDoor {
	r.t.Helper()
	system := store.System("test")
	if _, err := r.devices.AddController(r.t.Context(), system, device.NewController{Name: name, Place: "x"}); err != nil {
		r.t.Fatal(err)
	}
	return r.enrol(name)
}

func (r *running) enrol(name string) *farDoor {
	r.t.Helper()
	token, _, err := r.enrolment.Token(r.t.Context(), store.System("test"), name)
	if err != nil {
		r.t.Fatal(err)
	}
	d := &farDoor{t: r.t, name: name, key: pki.NewSigningKey(), acks: make(chan wire.AckUpTo, 64)}
	csr, err := pki.MakeCSR(d.key, name)
	if err != nil {
		r.t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"controller": name, "token": token.Reveal(), "csr": csr, "box_key": pki.NewBoxKey().Public()})
	if err != nil {
		r.t.Fatal(err)
	}
	res, text := r.call("", "POST", "/api/v1/enrol", string(body))
	if res.StatusCode != http.StatusCreated {
		r.t.Fatalf("enrol: %d %s", res.StatusCode, text)
	}
	var got struct {
		Certificate string   `json:"certificate"`
		CA          string   `json:"ca"`
		CommandKeys [][]byte `json:"command_keys"`
		BrokerURL   string   `json:"broker_url"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.BrokerURL != r.BrokerURL() {
		r.t.Fatalf("%s, %v", text, err)
	}
	d.cert, d.ca = []byte(got.Certificate), []byte(got.CA)
	for _, k := range got.CommandKeys {
		d.cmds = append(d.cmds, k)
	}
	return d
}

// connect comes to the broker and stays until stop.
func (d *farDoor) connect(url string) {
	d.t.Helper()
	cert, err := pki.ParseCertificate(d.cert)
	if err != nil {
		d.t.Fatal(err)
	}
	ca, err := pki.ParseCertificate(d.ca)
	if err != nil {
		d.t.Fatal(err)
	}
	shown := d.key.TLS(cert)
	d.link, err = mqtt.New(mqtt.Config{
		URL: url, ClientID: d.name, TLS: pki.ClientTLS(pki.Pool(ca), shownAlways(shown), time.Now), RetryMin: 10 * time.Millisecond,
		RetryMax: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		d.t.Fatal(err)
	}
	at := d.at(wire.Ack)
	d.link.Handle(at.Topic(), func(_ context.Context, m mqtt.Message) {
		ack, err := wire.OpenAck(at, m.Payload, wire.ManyKeys(d.cmds...))
		if err != nil {
			d.t.Error(err)
		}
		d.acks <- ack
	})
	connected := make(chan struct{}, 64)
	d.link.OnConnect(func() { connected <- struct{}{} })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.link.Run(ctx) }()
	stopped := false
	d.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			d.t.Error(err)
		}
	}
	d.t.Cleanup(d.stop)
	select {
	case <-connected:
	case <-time.After(20 * time.Second):
		d.t.Fatal("not let to the broker")
	}
}

func (d *farDoor) at(k wire.Kind) wire.Address {
	return wire.Address{Site: "demo", Controller: d.name, Kind: k}
}

func (d *farDoor) publish(k wire.Kind, payload []byte) error {
	ctx, cancel := context.WithTimeout(d.t.Context(), 5*time.Second)
	defer cancel()
	return d.link.Publish(ctx, mqtt.Message{Topic: d.at(k).Topic(), Payload: payload, Retained: k == wire.Status})
}

// events are n signed events of the first epoch, from a number on, the same ones at every call.
func (d *farDoor) events(first, last int) []byte {
	d.t.Helper()
	head := event.Start(d.name, 1)
	var raws [][]byte
	for i := 1; i <= last; i++ {
		raw, err := event.Encode(event.Event{
			Epoch: 1, Seq: uint64(i), At: time.Date(2027, 4, 1, 0, 0, i, 0, time.UTC), Kind: event.DoorOpened, Door: "D-1",
		})
		if err != nil {
			d.t.Fatal(err)
		}
		if i < first {
			head = event.Next(head, raw)
			continue
		}
		raws = append(raws, raw)
	}
	payload, err := wire.Encode(wire.SignBatch(d.at(wire.Events), wire.NewEventBatch(1, uint64(first), head, raws), d.key))
	if err != nil {
		d.t.Fatal(err)
	}
	return payload
}

// send publishes events until they are acknowledged: the centre may not have come to the broker yet.
func (d *farDoor) send(first, last int) wire.AckUpTo { return d.sendUntil(first, last, uint64(last)) }

func (d *farDoor) sendUntil(first, last int, upTo uint64) wire.AckUpTo {
	d.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if err := d.publish(wire.Events, d.events(first, last)); err != nil {
			d.t.Fatal(err)
		}
		again := time.After(500 * time.Millisecond)
		for waiting := true; waiting; {
			select {
			case ack := <-d.acks:
				if ack.UpTo >= upTo {
					return ack
				}
			case <-again:
				waiting = false
			case <-deadline:
				d.t.Fatalf("events %d to %d are not acknowledged", first, last)
			}
		}
	}
}
