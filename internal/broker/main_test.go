package broker_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/broker/mosquitto"
	"kanmon/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oracle is a client that may read and write everything, on a mosquitto that startWithOracle made. It sees what no client of the
// product could.
const oracle = "oracle"

func startWithOracle(t *testing.T) *brokertest.Broker {
	t.Helper()
	return brokertest.StartChanged(t, func(dir string) {
		add(t, filepath.Join(dir, mosquitto.ACLFile), "\nuser oracle\ntopic readwrite #\ntopic readwrite $SYS/#\n")
	})
}

// add appends to a file.
func add(t *testing.T, path, text string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, append(content, text...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Topics of the first controller, and the one that is for all.
var (
	events1 = brokertest.Topic("ctl-1", wire.Events)
	status1 = brokertest.Topic("ctl-1", wire.Status)
	policy1 = brokertest.Topic("ctl-1", wire.Policy)
	ack1    = brokertest.Topic("ctl-1", wire.Ack)
	cmd1    = brokertest.Topic("ctl-1", wire.Command)
	ack2    = brokertest.Topic("ctl-2", wire.Ack)
	toAll   = brokertest.Topic(wire.All, wire.Revoked)
)

// filter is that of a kind from every controller.
func filter(k wire.Kind) string { return wire.Filter(brokertest.Site, k) }
