package centre_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kanmon/api/centre"
	"kanmon/api/epoch"
	"kanmon/internal/access"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
)

// line is a broker in memory. What the centre publishes comes out of sent; while cut, nothing can be published.
type line struct {
	sent chan mqtt.Message
	open chan struct{} // closed once Run runs

	mu     sync.Mutex
	routes map[string]func(context.Context, mqtt.Message)
	cut    bool
}

func newLine() *line {
	return &line{sent: make(chan mqtt.Message, 8192), open: make(chan struct{}), routes: map[string]func(context.Context, mqtt.Message){}}
}

func (l *line) Handle(filter string, fn func(context.Context, mqtt.Message)) { l.routes[filter] = fn }

func (l *line) Run(ctx context.Context) error {
	close(l.open)
	<-ctx.Done()
	return nil
}

func (l *line) Publish(_ context.Context, m mqtt.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return fault.New(fault.Unavailable, "mqtt.offline", "cut")
	}
	l.sent <- m
	return nil
}

func (l *line) setCut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

// arrive delivers a payload as the client would.
func (l *line) arrive(t testing.TB, m mqtt.Message) {
	t.Helper()
	kind := m.Topic[strings.LastIndexByte(m.Topic, '/')+1:]
	l.routes["kanmon/v1/demo/+/"+kind](t.Context(), m)
}

// next returns the next payload on a topic; others are passed over.
func (l *line) next(t testing.TB, topic string) []byte {
	t.Helper()
	for {
		select {
		case m := <-l.sent:
			if m.Topic == topic {
				return m.Payload
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing came on %s", topic)
		}
	}
}

func address(controller string, kind wire.Kind) wire.Address {
	return wire.Address{Site: "demo", Controller: controller, Kind: kind}
}

// keys trusts the centre.
func keys() wire.Keys { return wire.OneKey(lifecycletest.CentreSigner().Public()) }

// drain forgets what was sent.
func (l *line) drain() {
	for {
		select {
		case <-l.sent:
		default:
			return
		}
	}
}

func (l *line) nextAck(t testing.TB, controller string) uint64 {
	t.Helper()
	ack, err := wire.OpenAck(address(controller, wire.Ack), l.next(t, "kanmon/v1/demo/"+controller+"/ack"), keys())
	if err != nil || ack.Centre != 1 {
		t.Fatalf("%+v, %v", ack, err)
	}
	return ack.UpTo
}

func startCentre(t testing.TB) (*line, *centre.Centre, *lifecycletest.City) {
	t.Helper()
	city := lifecycletest.Open(t, dbtest.SQLite(t))
	city.Found(t)
	return startOn(t, city)
}

func startOn(t testing.TB, city *lifecycletest.City) (*line, *centre.Centre, *lifecycletest.City) {
	t.Helper()
	l := newLine()
	log := slog.New(slog.DiscardHandler)
	epochs := epoch.New(filepath.Join(t.TempDir(), epoch.File), city.Store, city.Device, log)
	if _, err := epochs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := centre.New(centre.Config{
		Site: "demo", Store: city.Store, Alarms: city.Alarms, Devices: city.Device, Cards: city.Card, Revocations: city.Revocations, Epochs: epochs,
		Signer: lifecycletest.CentreSigner(), Known: wire.OneKey(lifecycletest.CentreSigner().Public()), Link: l, Log: log,
		Forms: city.Forms,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	<-l.open
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return l, c, city
}

// journal is the chained bytes of n events of a controller's first epoch.
func journal(t *testing.T, controller string, n int) (raws [][]byte, heads []event.Hash) {
	t.Helper()
	heads = []event.Hash{event.Start(controller, 1)}
	for i := range n {
		raw, err := event.Encode(event.Event{
			Epoch: 1, Seq: uint64(i + 1), At: time.Date(2027, 4, 1, 0, 0, i, 0, time.UTC), Kind: event.DoorOpened, Door: "D-1", // small
		})
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, raw)
		heads = append(heads, event.Next(heads[i], raw))
	}
	return raws, heads
}

func events(t *testing.T, controller string, raws [][]byte, heads []event.Hash, first, last int) mqtt.Message {
	t.Helper()
	b := wire.NewEventBatch(1, uint64(first), heads[first-1], raws[first-1:last]) // small
	payload, err := wire.Encode(wire.SignBatch(address(controller, wire.Events), b, lifecycletest.DeviceSigner(controller)))
	if err != nil {
		t.Fatal(err)
	}
	return mqtt.Message{Topic: wire.Topic("demo", controller, wire.Events), Payload: payload}
}

// payload is something that a controller has signed.
func payload(t testing.TB, controller string, kind wire.Kind, v any) mqtt.Message {
	t.Helper()
	at := address(controller, kind)
	b, err := wire.Seal(at, v, lifecycletest.DeviceSigner(controller))
	if err != nil {
		t.Fatal(err)
	}
	return mqtt.Message{Topic: at.Topic(), Payload: b}
}

// will is a controller's last word.
func will(t *testing.T, controller string) mqtt.Message {
	t.Helper()
	b, err := wire.Encode(wire.Offline())
	if err != nil {
		t.Fatal(err)
	}
	return mqtt.Message{Topic: wire.Topic("demo", controller, wire.Status), Payload: b}
}

func TestEventsAreAcknowledgedOnceTheyAreInTheLog(t *testing.T) {
	l, c, city := startCentre(t)
	raws, heads := journal(t, "ctl-1", 40)
	listener := c.Entries().Subscribe()
	defer listener.Close()
	for n := 1; n <= 40; n++ {
		l.arrive(t, events(t, "ctl-1", raws, heads, n, n))
		if n%20 == 0 {
			for l.nextAck(t, "ctl-1") < uint64(n) { // small
			}
		}
	}
	<-listener.Wake()
	entries, err := city.Entries.List(t.Context(), lifecycletest.Guard, entrylog.Filter{AfterID: 1})
	if err != nil || len(entries) != 40 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, e := range entries {
		if e.Seq != uint64(i+1) { // small
			t.Fatalf("place %d holds event %d", i, e.Seq)
		}
	}
}

func TestALostAcknowledgementComesWithTheRepeat(t *testing.T) {
	l, c, _ := startCentre(t)
	raws, heads := journal(t, "ctl-1", 3)
	listener := c.Entries().Subscribe()
	defer listener.Close()
	l.setCut(true)
	l.arrive(t, events(t, "ctl-1", raws, heads, 1, 3))
	<-listener.Wake()
	l.setCut(false)
	l.arrive(t, events(t, "ctl-1", raws, heads, 1, 3))
	if got := l.nextAck(t, "ctl-1"); got != 3 {
		t.Fatalf("acknowledged %d, want 3", got)
	}
}

func TestGarbageIsSeenAndTheNextBatchStillGoesThrough(t *testing.T) {
	l, c, city := startCentre(t)
	told := c.Entries().Subscribe()
	defer told.Close()
	l.arrive(t, mqtt.Message{Topic: "kanmon/v1/demo/ctl-1/events", Payload: []byte("{")})
	l.arrive(t, mqtt.Message{Topic: "kanmon/v1/demo/ctl-1/status", Payload: []byte("[]")})
	l.arrive(t, mqtt.Message{Topic: "kanmon/v1/demo/CTL 1/events", Payload: []byte("{}")})
	raws, heads := journal(t, "ctl-1", 1)
	l.arrive(t, events(t, "ctl-1", raws, heads, 1, 1))
	if got := l.nextAck(t, "ctl-1"); got != 1 {
		t.Fatalf("acknowledged %d, want 1", got)
	}
	for bad := 0; bad < 2; { // the status has a lane of its own
		<-told.Wake()
		list, err := city.Entries.List(t.Context(), lifecycletest.Guard, entrylog.Filter{Kind: entrylog.Quarantined})
		if err != nil || len(list) > 2 {
			t.Fatalf("quarantined %+v, %v", list, err)
		}
		bad = len(list)
	}
}

// R121-1: clocks in step across devices, and drift reported.
func TestAControllerThatSpeaksGetsItsPolicyAndIsShown(t *testing.T) {
	l, c, city := startCentre(t)
	listener := c.Statuses().Subscribe()
	defer listener.Close()
	ahead := time.Now().Add(90 * time.Second)
	l.arrive(t, payload(t, "ctl-1", wire.Status, wire.ControllerStatus{
		V: wire.V, Type: wire.Status, Online: true, Start: 1, N: 1, At: &ahead, Epoch: 1, LastSeq: 12, Acked: 5, Software: "test",
		Devices: []wire.DeviceStatus{{Name: "IN-1", Online: true, Secure: true}}, Doors: []wire.DoorStatus{{ID: "D-1", State: "locked"}},
	}))
	<-listener.Wake()
	got, err := city.Device.Controller(t.Context(), lifecycletest.Guard, "ctl-1")
	if err != nil || !got.Online || got.Backlog != 7 || got.UpToDate() || !got.Devices[0].Secure || got.Software != "test" {
		t.Fatalf("controller %+v, %v", got, err)
	}
	if off := got.Offset; !got.OffsetOK || off < 80*time.Second || off > 90*time.Second {
		t.Fatalf("clock offset %v, want 90 s less the time on the way", off)
	}
	var parts wire.Assembler
	for {
		part, err := wire.DecodePolicy(address("ctl-1", wire.Policy), l.next(t, "kanmon/v1/demo/ctl-1/policy"), keys())
		if err != nil {
			t.Fatal(err)
		}
		spec, done, err := parts.Add(part)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			if spec.Version != got.Wanted || len(spec.Doors) != 2 {
				t.Fatalf("policy %+v", spec)
			}
			break
		}
	}
	l.arrive(t, will(t, "ctl-1"))
	<-listener.Wake()
	if got, err = city.Device.Controller(t.Context(), lifecycletest.Guard, "ctl-1"); err != nil || got.Online || got.Backlog != 7 {
		t.Fatalf("after the last will %+v, %v", got, err)
	}
}

func TestARetainedStatusSaysNothingAboutTheClock(t *testing.T) {
	l, c, city := startCentre(t)
	listener := c.Statuses().Subscribe()
	defer listener.Close()
	old := time.Now().Add(-30 * time.Second).UTC().Truncate(time.Microsecond)
	m := payload(t, "ctl-1", wire.Status, wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, Start: 1, N: 1, At: &old, Policy: &access.Version{Epoch: 1, N: 1}})
	m.Retained = true
	l.arrive(t, m)
	<-listener.Wake()
	got, err := city.Device.Controller(t.Context(), lifecycletest.Guard, "ctl-1")
	if err != nil || got.OffsetOK || !got.LastSeen.Equal(old) {
		t.Fatalf("controller %+v, %v", got, err)
	}
}

func TestASiteNameMustFitATopic(t *testing.T) {
	_, err := centre.New(centre.Config{Site: "大阪", Link: newLine()})
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("NewCentre = %v", err)
	}
}

func TestManyControllersAtOnceLoseNothing(t *testing.T) {
	l, _, city := startCentre(t)
	for _, name := range []string{"ctl-1", "ctl-2"} {
		raws, heads := journal(t, name, 30)
		for first := 1; first <= 30; first += 3 {
			l.arrive(t, events(t, name, raws, heads, first, first+2))
		}
	}
	seen := map[string]uint64{}
	for seen["ctl-1"] < 30 || seen["ctl-2"] < 30 {
		select {
		case m := <-l.sent:
			if at, err := wire.ParseTopic(m.Topic); err == nil && at.Kind == wire.Ack {
				ack, err := wire.OpenAck(at, m.Payload, keys())
				if err != nil {
					t.Fatal(err)
				}
				seen[at.Controller] = ack.UpTo
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("acknowledged %v", seen)
		}
	}
	entries, err := city.Entries.List(t.Context(), lifecycletest.Guard, entrylog.Filter{Limit: 500})
	if err != nil || len(entries) != 60 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
