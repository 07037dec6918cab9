package harness

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kanmon/api"
	"kanmon/api/keychange"
	"kanmon/api/sitekey"
	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/demo"
	"kanmon/internal/broker/brokertest"
	"kanmon/internal/db"
	"kanmon/internal/pki"
	"kanmon/lifecycle/device"
)

// R47-1, R103-1: an operator replaces the centre's command key. At every step doors obey, and after the last one a controller that starts anew with
// the centre away still knows its policy: it is signed by the new key.
func TestDoorsObeyTheCentreThroughAChangeOfItsCommandKey(t *testing.T) {
	s := Start(t)
	for i, next := range []keychange.Step{keychange.Announce, keychange.Use, keychange.Retire} {
		s.changeKey(keychange.Command, next)
		s.AwaitConfirmed(s.Turn([]string{"suspend", "lift", "revoke"}[i], "鈴木")) // it is connected again
		if next != keychange.Retire {                                            // it asks for the keys when it starts
			taken := time.Now()
			s.restartController()
			s.await("its word for the new key", func() bool { said := s.said(); return len(said.CommandKeys) == 2 && said.At.After(taken) })
		}
		if r, err := s.Release("D-1"); err != nil || !r.Done {
			t.Errorf("after %s a release: %+v, %v", next, r, err)
		}
	}
	s.StopController()
	s.StopCentre()
	s.StartController()
	s.await("a good card's answer", func() bool {
		a, err := control.Ask(t.Context(), s.City.Files.Socket(), control.Request{Op: control.Tap, Reader: "IN-1", Card: "佐藤", Stay: true})
		return err == nil && a.Released
	})
	if a := s.Tap("IN-1", "鈴木"); a.Released || a.LED != "red" {
		t.Errorf("the revoked card got %+v", a)
	}
}

// R47-1, R103-1: an operator replaces the authority that all certificates stand on. No door is without the centre for longer than the centre's own
// restarts, the controller gets a certificate by the new one by itself, and in the end the old one opens nothing any more.
func TestDoorsObeyTheCentreThroughAChangeOfItsAuthority(t *testing.T) {
	for _, kind := range []brokertest.Kind{brokertest.Embedded, brokertest.Mosquitto} {
		t.Run(string(kind), func(t *testing.T) { changeAuthority(t, kind) })
	}
}

func changeAuthority(t *testing.T, kind brokertest.Kind) {
	s := Start(t, On(kind))
	before := s.stolen()
	for i, next := range []keychange.Step{keychange.Announce, keychange.Use, keychange.Retire} {
		s.changeKey(keychange.Authority, next)
		s.AwaitConfirmed(s.Turn([]string{"suspend", "lift", "revoke"}[i], "鈴木")) // it is connected again
		if next != keychange.Retire {                                            // it asks when it starts; else within a minute
			s.restartController()
			s.await("its word for the new authority", func() bool {
				said := s.said()
				return len(said.Authorities) == 2 && (said.Issuer == said.Authorities[1]) == (next == keychange.Use)
			})
		}
	}
	after := s.stolen()
	if pki.Issuer(after.Certificate, before.Authorities) != nil || after.Key.KeyID() != before.Key.KeyID() {
		t.Error("the certificate is still by the old authority, or for another key")
	}
	if _, err := tls.Dial("tcp", s.City.Broker, named(tlsOf(after))); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
	mixed := before // it trusts the new authority, and still has the old certificate
	mixed.Authorities = after.Authorities
	if c, err := tls.Dial("tcp", s.City.Broker, named(tlsOf(mixed))); err == nil {
		if _, err = c.Read(make([]byte, 1)); !strings.Contains(fmt.Sprint(err), "unknown certificate authority") {
			t.Errorf("with the old certificate: %v", err)
		}
		_ = c.Close()
	}
	if c, err := tls.Dial("tcp", s.City.Broker, named(tlsOf(before))); err == nil {
		t.Error("who trusts the old authority alone believes the broker")
		_ = c.Close()
	}
}

func named(c *tls.Config) *tls.Config {
	c.ServerName = "127.0.0.1"
	return c
}

// changeKey takes a step with the centre stopped, and has everything work again.
func (s *System) changeKey(kind keychange.Kind, step keychange.Step) {
	s.t.Helper()
	s.StopCentre()
	settings, err := api.ReadSettings(s.City.Files.CentreConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := api.ChangeKey(s.t.Context(), settings, keychange.Change{Kind: kind, Step: step, Act: sitekey.Act{Reason: "年次の交換"}}, slog.New(slog.DiscardHandler)); err != nil {
		s.t.Fatalf("%s: %v", step, err)
	}
	s.StartCentre()
	s.client = nil // it trusts what ca.pem was
	if s.Mosquitto != nil {
		s.admit(demo.Controller)
		s.Mosquitto.Kill() // it reads its certificate when it starts
		s.Mosquitto.Start()
	}
	s.AwaitDoors()
}

// restartController stops and starts the city's controller, which asks for the centre's keys then.
func (s *System) restartController() {
	s.t.Helper()
	s.StopController()
	s.await("the centre to hear that it stopped", func() bool { return !s.online() })
	s.StartController()
	s.AwaitDoors()
}

// said is what the city's controller last said of the centre's keys.
func (s *System) said() device.Believes {
	s.t.Helper()
	centre, err := db.Open(s.t.Context(), db.Config{Driver: db.SQLite, Path: s.Database()})
	if err != nil {
		s.t.Fatal(err)
	}
	defer centre.Close() // only read
	var said device.Believes
	var lists struct {
		CommandKeys string `db:"command_keys"`
		Authorities string
		Issuer      string
		HashKeys    string `db:"hash_keys"`
		At          string
	}
	err = centre.Read(s.t.Context(), func(q db.Queryer) error {
		return q.Get(s.t.Context(), &lists, `SELECT command_keys, authorities, issuer, hash_keys, at FROM controller_believes`)
	})
	if err != nil {
		return said
	}
	if said.At, err = db.ParseTime(lists.At); err != nil {
		s.t.Fatal(err)
	}
	said.Issuer = lists.Issuer
	for _, list := range []struct {
		text string
		into *[]string
	}{{lists.CommandKeys, &said.CommandKeys}, {lists.Authorities, &said.Authorities}, {lists.HashKeys, &said.HashKeys}} {
		if err := json.Unmarshal([]byte(list.text), list.into); err != nil {
			s.t.Fatal(err)
		}
	}
	return said
}
