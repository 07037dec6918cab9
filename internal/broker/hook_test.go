package broker

import (
	"log/slog"
	"net"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
)

// M-5: the rule is asked at each delivery, and knows at once that a client was thrown out.
func TestAClientThrownOutMayReadNothingWhileItGoes(t *testing.T) {
	mine, theirs := net.Pipe()
	c := newConn(theirs)
	log := slog.New(slog.DiscardHandler)
	h := newHook(Config{Site: "demo", Log: log}, new(counters), newThrottled(log))
	h.connected["ctl-1"], h.identities["ctl-1"] = c, Identity{Name: "ctl-1", Role: Controller}
	client := &mochi.Client{ID: "ctl-1"}
	const topic = "kanmon/v1/demo/ctl-1/policy"
	if !h.OnACLCheck(client, topic, false) || !h.OnACLCheck(client, "kanmon/v1/demo/ctl-1/events", true) {
		t.Error("a controller may not use its own topics")
	}
	if !h.throwOut("ctl-1") {
		t.Error("it was not there")
	}
	if h.OnACLCheck(client, topic, false) || h.OnACLCheck(client, "kanmon/v1/demo/ctl-1/events", true) {
		t.Error("a client thrown out is still allowed")
	}
	_ = mine.Close()
	c.end()
}

// The zero Identity, which is what an unknown client has, may do nothing.
func TestNobodyMayDoNothing(t *testing.T) {
	for _, who := range []Identity{{}, {Name: "ctl-1"}, {Name: "ctl-1", Role: 99}} {
		for _, kind := range []string{"events", "status", "ack", "policy", "cmd"} {
			topic := "kanmon/v1/demo/ctl-1/" + kind
			if who.mayPublish("demo", topic, false) || who.mayRead("demo", topic) || who.mayRead("demo", "kanmon/v1/demo/+/"+kind) {
				t.Errorf("%+v may use %s", who, topic)
			}
		}
	}
}
