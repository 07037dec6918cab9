package broker_test

import (
	"testing"

	"go.uber.org/goleak"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
