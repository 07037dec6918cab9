package broker_test

import (
	"strings"
	"testing"
)

// M-1, M-8: who may connect at all.
func TestOnlyAKnownClientUnderItsOwnNameIsAdmitted(t *testing.T) {
	b := start(t, nil)
	for name, change := range map[string]func(*hello){
		"a wrong password":             func(h *hello) { h.password = "x" },
		"no password":                  func(h *hello) { h.password = "" },
		"another client's id":          func(h *hello) { h.id = "centre" },
		"another client's user name":   func(h *hello) { h.user = "centre" },
		"an identity of another name":  func(h *hello) { h.id, h.user = "stranger", "stranger" },
		"an empty id":                  func(h *hello) { h.id, h.user = "", "" },
		"an id that is no name":        func(h *hello) { h.id, h.user = "ctl-1/+", "ctl-1/+" },
		"a session outliving it":       func(h *hello) { h.unclean = true },
		"MQTT 5":                       func(h *hello) { h.version = 5 },
		"MQTT 3.1":                     func(h *hello) { h.version = 3 },
		"no keep-alive":                func(h *hello) { h.keepAlive = 0 },
		"a keep-alive of a day":        func(h *hello) { h.keepAlive = 65535 },
		"a will on another controller": func(h *hello) { h.will = [2]string{"kanmon/v1/demo/ctl-2/status", "x"} },
		"a will that is a command":     func(h *hello) { h.will = [2]string{cmd1, "open"} },
		"a will on another site":       func(h *hello) { h.will = [2]string{"kanmon/v1/other/ctl-1/status", "x"} },
		"a will outside all topics":    func(h *hello) { h.will = [2]string{"door/open", "x"} },
		"a will that is no status":     func(h *hello) { h.will = [2]string{events1, "x"} },
		"a will of QoS 2":              func(h *hello) { h.will, h.willFlags = [2]string{status1, "x"}, 0x10 },
		"a will of 5 KB":               func(h *hello) { h.will = [2]string{status1, strings.Repeat("x", 5000)} },
		"a panic in the check":         func(h *hello) { h.password = "panic" },
	} {
		t.Run(name, func(t *testing.T) {
			h := as("ctl-1")
			change(&h)
			if dial(t, b).connect(h) {
				t.Error("was admitted")
			}
		})
	}
	if s := b.Stats(); s.Panics != 1 || s.Refused == 0 {
		t.Errorf("%+v, want one panic and some refusals", s)
	}
	h := as("ctl-1")
	h.will, h.willFlags = [2]string{status1, "x"}, 0x28
	if !dial(t, b).connect(h) {
		t.Error("a well-behaved controller was refused")
	}
}

// Finding 0.4 and M-3, as the library has it: the will of a client is published without any check.
func TestAWillCannotForgeAnotherControllersMessage(t *testing.T) {
	b := start(t, nil)
	centre := connect(t, b, "centre")
	if !centre.subscribe("kanmon/v1/demo/+/status") {
		t.Fatal("the centre cannot subscribe")
	}
	forger := dial(t, b)
	h := as("ctl-1")
	h.will, h.willFlags = [2]string{"kanmon/v1/demo/ctl-2/status", "forged"}, 0x28
	forger.connect(h)
	_ = forger.conn.Close()
	honest := dial(t, b)
	h.will[0], h.will[1] = status1, "own"
	if !honest.connect(h) {
		t.Fatal("a will on the own status was refused")
	}
	_ = honest.conn.Close()
	if payload := centre.live(); payload != "own" {
		t.Errorf("the centre heard %q", payload)
	}
	late := connect(t, b, "screen")
	late.subscribe("kanmon/v1/demo/+/status")
	if topic, payload, retained := late.receive(); topic != status1 || payload != "own" || !retained {
		t.Errorf("kept: %s %q, retained %t", topic, payload, retained)
	}
}

// M-2, M-4: the matrix, said once more by hand.
func TestEachRoleSubscribesToItsOwnTopicsOnly(t *testing.T) {
	b := start(t, nil)
	allowed := map[string][]string{
		"ctl-1":  {ack1, policy1, cmd1},
		"centre": {"kanmon/v1/demo/+/events", "kanmon/v1/demo/+/status", events1, status1},
		"screen": {"kanmon/v1/demo/+/events", "kanmon/v1/demo/+/status", events1, status1},
	}
	filters := []string{
		ack1, policy1, cmd1, events1, status1, "kanmon/v1/demo/+/events", "kanmon/v1/demo/+/status", "kanmon/v1/demo/+/ack",
		"kanmon/v1/demo/+/policy", "kanmon/v1/demo/+/cmd", "kanmon/v1/demo/ctl-2/cmd", "kanmon/v1/demo/ctl-2/policy", "kanmon/v1/demo/ctl-2/ack",
		"kanmon/v1/demo/ctl-1/#", "kanmon/v1/demo/ctl-1/+", "kanmon/v1/demo/#", "kanmon/v1/demo/+/+", "kanmon/v1/+/ctl-1/cmd", "kanmon/v1/+/+/events",
		"kanmon/#", "#", "+", "+/+/+/+/+", "$SYS/#", "$SYS/broker/clients/total", "$share/g/#", "$share/g/" + cmd1, "$share/g/kanmon/v1/demo/+/events", "$queue/" + cmd1,
		"kanmon/v2/demo/ctl-1/cmd", "kanmon/v1/other/ctl-1/cmd", "kanmon/v1/other/+/events", "KANMON/v1/demo/ctl-1/cmd", "kanmon/v1/demo/CTL-1/cmd",
		"/" + cmd1, cmd1 + "/", cmd1 + "/#", "kanmon//v1/demo/ctl-1/cmd", "kanmon/v1/demo//cmd", "kanmon/v1/demo/ctl-1", "kanmon/v1/demo/ctl-1/cmd ", "kanmon/v1/demo/ctl-1/関門",
		"kanmon/v1/demo/ctl-1\u200b/cmd", "kanmon/v1/demo/ctl-10/cmd", "kanmon/v1/demo/ctl-/cmd", "ctl-1/cmd", "cmd", "kanmon/v1/demo/ctl-1/commands", "kanmon/v1/demo/ctl-1/Events",
	}
	for id, want := range allowed {
		r := connect(t, b, id)
		for _, filter := range filters {
			expected := false
			for _, w := range want {
				expected = expected || w == filter
			}
			if got := r.subscribe(filter); got != expected {
				t.Errorf("%s subscribes to %q: %t", id, filter, got)
			}
		}
	}
}

func TestEachRolePublishesToItsOwnTopicsOnlyAndOthersAreThrownOut(t *testing.T) {
	b := start(t, nil)
	for _, test := range []struct {
		id, topic string
		flags     byte
		want      bool
	}{
		{"ctl-1", events1, 0, true},
		{"ctl-1", status1, 0, true},
		{"ctl-1", status1, 1, true},
		{"centre", ack1, 0, true},
		{"centre", policy1, 0, true},
		{"centre", cmd1, 0, true},
		{"ctl-1", events1, 1, false}, // retained
		{"centre", cmd1, 1, false},
		{"centre", policy1, 1, false},
		{"ctl-1", ack1, 0, false},
		{"ctl-1", cmd1, 0, false},
		{"ctl-1", policy1, 0, false},
		{"ctl-1", "kanmon/v1/demo/ctl-2/events", 0, false},
		{"ctl-1", "kanmon/v1/demo/ctl-2/cmd", 0, false},
		{"ctl-1", "kanmon/v1/other/ctl-1/events", 0, false},
		{"ctl-1", "kanmon/v2/demo/ctl-1/events", 0, false}, // another version
		{"ctl-1", "kanmon/v1/demo/ctl-1/other", 0, false},
		{"ctl-1", "$SYS/broker/x", 0, false},
		{"ctl-1", "$share/g/" + events1, 0, false},
		{"ctl-1", "a", 0, false},
		{"ctl-1", "", 0, false},
		{"ctl-1", "kanmon/v1/demo/+/events", 0, false},
		{"centre", events1, 0, false},
		{"centre", status1, 1, false},
		{"screen", events1, 0, false},
		{"screen", cmd1, 0, false},
	} {
		r := connect(t, b, test.id)
		if got := r.publish(test.topic, "{}", test.flags); got != test.want {
			t.Errorf("%s publishes to %q with flags %x: %t", test.id, test.topic, test.flags, got)
		}
		_ = r.conn.Close()
	}
	before := b.Stats().Denied
	r := connect(t, b, "ctl-1")
	r.send(frame(0x30, append(text("kanmon/v1/demo/ctl-2/events"), "{}"...))) // QoS 0
	if !r.ended() || b.Stats().Denied != before+1 {
		t.Error("a publication of QoS 0 against the rule went by in silence")
	}
	r = connect(t, b, "ctl-1")
	r.send(frame(0x34, append(append(text(events1), 0, 7), "{}"...)))
	if !r.ended() {
		t.Error("QoS 2 was accepted")
	}
}

func TestARetainedStatusIsForThoseWhoMayReadItAndCanBeRemoved(t *testing.T) {
	b := start(t, nil)
	two := connect(t, b, "ctl-2")
	if !two.publish("kanmon/v1/demo/ctl-2/status", "secret", 1) {
		t.Fatal("not acknowledged")
	}
	one := connect(t, b, "ctl-1")
	if one.subscribe("kanmon/v1/demo/+/status") || one.subscribe("kanmon/v1/demo/ctl-2/status") || !one.subscribe(ack1) {
		t.Error("a controller was sent something besides the answers") // they are read one after the other
	}
	if !two.publish("kanmon/v1/demo/ctl-2/status", "", 1) {
		t.Fatal("not acknowledged")
	}
	screen := connect(t, b, "screen")
	screen.subscribe("kanmon/v1/demo/+/status")
	two.publish("kanmon/v1/demo/ctl-2/status", "live", 0)
	if _, payload, retained := screen.receive(); payload != "live" || retained {
		t.Errorf("received %q, retained %t", payload, retained)
	}
}
