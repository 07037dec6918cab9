package broker

import (
	"io"
	"log/slog"
	"net"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"

	"kanmon/internal/wire"
)

// M-5: the rule is asked at each delivery, and knows at once that a client was thrown out.
func TestM5AClientThrownOutMayReadNothingWhileItGoes(t *testing.T) {
	mine, theirs := net.Pipe()
	c := newConn(theirs, theirs)
	log := slog.New(slog.DiscardHandler)
	h := newHook(Config{Site: "demo", Log: log}, new(counters), newThrottled(log))
	if entered, err := h.enter(c, Identity{Name: "ctl-1", Role: Controller}, 0); !entered || err != nil {
		t.Fatal(err)
	}
	client := &mochi.Client{ID: "ctl-1", Net: mochi.ClientConnection{Conn: c}}
	const policy, status = "kanmon/v1/demo/ctl-1/policy", "kanmon/v1/demo/ctl-1/status"
	if !h.OnACLCheck(client, policy, false) || !h.OnACLCheck(client, status, true) {
		t.Error("a controller may not use its own topics")
	}
	if !h.throwOut("ctl-1") {
		t.Error("it was not there")
	}
	if h.OnACLCheck(client, policy, false) || h.OnACLCheck(client, status, true) {
		t.Error("a client thrown out is still allowed")
	}
	if will, _ := h.OnWill(client, mochi.Will{TopicName: status, Payload: []byte("x"), Flag: 1}); will.TopicName != "" || len(h.kept.status) > 0 {
		t.Errorf("its will is published to %q and %d are kept", will.TopicName, len(h.kept.status))
	}
	if h.count.denied.Load() != 0 {
		t.Error("its end counts as an offence")
	}
	_ = mine.Close()
	c.end()
	if h.throwOut("ctl-1") {
		t.Error("it is still there")
	}
}

// M-5.
func TestM5NothingGoesOutAfterACut(t *testing.T) {
	mine, theirs := net.Pipe()
	c := newConn(theirs, theirs)
	for range 3 {
		if _, err := c.Write(make([]byte, 2*chunk)); err != nil {
			t.Fatal(err)
		}
	}
	c.cut()
	if n, _ := io.Copy(io.Discard, mine); n > 0 {
		t.Errorf("%d bytes went out", n)
	}
	c.end()
}

// The zero Identity, which is what an unknown client has, may do nothing; nor may one with a name its role cannot have.
func TestM2NobodyMayDoNothing(t *testing.T) {
	for _, who := range []Identity{{}, {Name: "ctl-1"}, {Name: "ctl-1", Role: 99}} {
		for _, kind := range append(wire.Ups(), wire.Downs()...) {
			topic := wire.Topic("demo", "ctl-1", kind)
			if who.mayPublish("demo", topic, false) || who.mayRead("demo", topic) || who.mayRead("demo", wire.Filter("demo", kind)) {
				t.Errorf("%+v may use %s", who, topic)
			}
		}
	}
	for who, want := range map[Identity]bool{
		{Name: "ctl-1", Role: Controller}: true, {Name: wire.Centre, Role: Centre}: true, {Name: "screen", Role: Listener}: true,
		{Name: wire.All, Role: Controller}: false, {Name: wire.Centre, Role: Controller}: false, {Name: wire.All, Role: Listener}: false, {Name: "a/b", Role: Centre}: false,
	} {
		if who.valid() != want {
			t.Errorf("%+v: valid %t", who, !want)
		}
	}
}

// A client that uses a packet id again does not owe twice for it.
func TestWhatIsNotAcknowledgedIsCountedOnce(t *testing.T) {
	mine, theirs := net.Pipe()
	c := newConn(theirs, theirs)
	for range 200 {
		c.awaits(7, 1<<20)
	}
	c.awaits(8, 10)
	c.acknowledged(7)
	c.acknowledged(7)
	if c.unacked.bytes != 10 || c.isClosed() {
		t.Errorf("%d bytes, closed %t", c.unacked.bytes, c.isClosed())
	}
	c.awaits(9, maxUnread)
	if !c.wasSlow() || !c.isClosed() {
		t.Error("it may owe without end")
	}
	_, _ = mine.Close(), c.Close()
	c.end()
}
