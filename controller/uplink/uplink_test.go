package uplink

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"kanmon/controller/journal"
	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/fault"
	"kanmon/internal/mqtt"
	"kanmon/internal/pki"
	"kanmon/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const epoch = 77 // of the journal

// Keys of the controller, the centre and somebody else.
var ourKey, centreKey, strangerKey = pki.NewSigningKey(), pki.NewSigningKey(), pki.NewSigningKey()

func at(k wire.Kind) wire.Address {
	return wire.Address{Site: "demo", Controller: "ctl-1", Kind: k}
}

// memoryJournal holds events and a cursor.
type memoryJournal struct {
	mu     sync.Mutex
	events [][]byte
	hashes []event.Hash // hashes[n] is the chain after n events
	acked  uint64
	base   uint64
	news   chan struct{}
}

func newMemoryJournal() *memoryJournal {
	return &memoryJournal{hashes: []event.Hash{event.Start("ctl-1", epoch)}, news: make(chan struct{}, 1)}
}

func (j *memoryJournal) add(t testing.TB, n int) {
	t.Helper()
	j.mu.Lock()
	for range n {
		seq := uint64(len(j.events) + 1)
		b, err := event.Encode(event.Event{Epoch: epoch, Seq: seq, At: time.Now(), Kind: event.AccessDenied, Detail: strconv.FormatUint(seq, 10)})
		if err != nil {
			t.Fatal(err)
		}
		j.events = append(j.events, b)
		j.hashes = append(j.hashes, event.Next(j.hashes[len(j.hashes)-1], b))
	}
	j.mu.Unlock()
	poke(j.news)
}

func (j *memoryJournal) State() journal.State {
	j.mu.Lock()
	defer j.mu.Unlock()
	return journal.State{Open: true, Epoch: epoch, Seq: uint64(len(j.events)), Acked: j.acked, Base: j.base}
}

func (j *memoryJournal) Read(_ context.Context, after uint64, maxEvents, maxBytes int) (journal.Batch, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	after = max(after, j.base)
	b := journal.Batch{Epoch: epoch, First: after + 1, Prev: j.hashes[after]}
	for size := 0; after < uint64(len(j.events)) && len(b.Events) < maxEvents && size < maxBytes; after++ {
		b.Events = append(b.Events, j.events[after])
		size += len(j.events[after])
	}
	return b, nil
}

func (j *memoryJournal) Ack(_ context.Context, e, upTo uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e != epoch || upTo > uint64(len(j.events)) {
		return fault.New(fault.Conflict, "", "no such event")
	}
	back := upTo < j.acked
	j.acked = max(upTo, j.base)
	if back {
		poke(j.news)
	}
	return nil
}

func (j *memoryJournal) News() <-chan struct{} { return j.news }

// link is the client, the broker and the centre in one. The centre checks every batch, keeps what it did not have,
// and answers how far it has come.
type link struct {
	t       testing.TB
	latency time.Duration // of a message up
	commit  time.Duration // until the centre acknowledges
	toUs    map[string]func(context.Context, mqtt.Message)
	connect func()

	mu        sync.Mutex
	connected bool
	epoch     uint64 // of the centre
	centre    []event.Event
	statuses  []wire.ControllerStatus
	receipts  []wire.RevokedReceipt
	answers   []wire.CommandAnswer
	live      []event.Event
	liveAt    map[uint64]time.Time
	batches   []wire.EventBatch
	sentAt    []time.Time
	mute      bool // the centre takes, and does not answer
	away      bool // the centre takes nothing
	lies      int  // so many publishes report an error although they arrived
	reject    int  // so many publishes report an error and did not arrive
}

func newLink(t testing.TB) *link {
	return &link{t: t, epoch: 1, toUs: map[string]func(context.Context, mqtt.Message){}, liveAt: map[uint64]time.Time{}}
}

func (l *link) Handle(filter string, fn func(context.Context, mqtt.Message)) { l.toUs[filter] = fn }
func (l *link) OnConnect(fn func())                                          { l.connect = fn }

func (l *link) Connected() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connected
}

func (l *link) set(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

func (l *link) up() {
	l.set(func() { l.connected = true })
	l.connect()
}

func (l *link) Publish(ctx context.Context, m mqtt.Message) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(l.latency):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.connected {
		return fault.New(fault.Unavailable, "", "offline")
	}
	a, err := wire.ParseTopic(m.Topic)
	if err != nil || a.Site != "demo" || a.Controller != "ctl-1" || m.Retained != (a.Kind == wire.Status) {
		l.t.Errorf("message on %q, retained %v: %v", m.Topic, m.Retained, err)
	}
	if l.reject > 0 {
		l.reject--
		return errors.New("token error")
	}
	l.take(a, m.Payload)
	if l.lies > 0 {
		l.lies--
		return errors.New("token error, though it arrived")
	}
	return nil
}

// take checks every payload as the centre would.
func (l *link) take(a wire.Address, b []byte) {
	keys := wire.OneKey(ourKey.Public())
	var err error
	switch a.Kind {
	case wire.Status:
		var s wire.ControllerStatus
		s, err = wire.OpenStatus(a, b, keys)
		l.statuses = append(l.statuses, s)
	case wire.Receipt:
		var r wire.RevokedReceipt
		r, err = wire.OpenReceipt(a, b, keys)
		l.receipts = append(l.receipts, r)
	case wire.Answer:
		var c wire.CommandAnswer
		c, err = wire.OpenAnswer(a, b, keys)
		l.answers = append(l.answers, c)
	case wire.Live:
		var events []event.Event
		events, _, err = wire.OpenLive(a, b, keys)
		l.live = append(l.live, events...)
		for _, e := range events {
			l.liveAt[e.Seq] = time.Now()
		}
	default:
		l.takeBatch(a, b)
	}
	if err != nil {
		l.t.Errorf("%s: %v", a.Kind, err)
	}
}

func (l *link) takeBatch(a wire.Address, b []byte) {
	batch, events, err := wire.DecodeEventBatch(b)
	if err == nil {
		err = wire.VerifyBatch(a, batch, wire.OneKey(ourKey.Public()))
	}
	if err != nil {
		l.t.Error(err)
		return
	}
	l.batches = append(l.batches, batch)
	l.sentAt = append(l.sentAt, time.Now())
	if l.away {
		return
	}
	for _, e := range events {
		if e.Seq == uint64(len(l.centre))+1 {
			l.centre = append(l.centre, e)
		}
	}
	if !l.mute {
		upTo := uint64(len(l.centre))
		time.AfterFunc(l.commit, func() { l.ack(upTo) })
	}
}

func (l *link) ack(upTo uint64) {
	l.say(wire.Ack, wire.NewAck(l.centreEpoch(), epoch, upTo))
}

func (l *link) centreEpoch() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch
}

// say signs and delivers what the centre says to the controller.
func (l *link) say(k wire.Kind, body any) { l.sayAs(at(k), body, centreKey) }

func (l *link) sayAs(a wire.Address, body any, by wire.Signer) {
	b, err := wire.Seal(a, body, by)
	if err != nil {
		l.t.Error(err)
	}
	l.deliver(mqtt.Message{Topic: a.Topic(), Payload: b})
}

func (l *link) send(k wire.Kind, payload []byte) {
	l.deliver(mqtt.Message{Topic: at(k).Topic(), Payload: payload})
}

func (l *link) deliver(m mqtt.Message) {
	handle, ok := l.toUs[m.Topic]
	if !ok {
		l.t.Errorf("nobody listens to %s", m.Topic)
		return
	}
	handle(context.Background(), m)
}

// said is what the controller has said so far.
func (l *link) said() (c struct {
	statuses []wire.ControllerStatus
	receipts []wire.RevokedReceipt
	answers  []wire.CommandAnswer
	live     []event.Event
	liveAt   map[uint64]time.Time
},
) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.statuses, c.receipts, c.answers = slices.Clone(l.statuses), slices.Clone(l.receipts), slices.Clone(l.answers)
	c.live, c.liveAt = slices.Clone(l.live), maps.Clone(l.liveAt)
	return c
}

func (l *link) have() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.centre)
}

func (l *link) sent() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.batches)
}

// policies keeps what is offered and is the store of what it says is in force.
type policies struct {
	inForce string
	spec    access.Spec
	offered chan access.Spec
	refused chan string
}

func (p *policies) InForce() string            { return p.inForce }
func (p *policies) Spec() (access.Spec, error) { return p.spec, nil }
func (p *policies) Refuse(detail string)       { p.refused <- detail }

func (p *policies) Offer(_ context.Context, s access.Spec, manifest wire.Signed) {
	m, err := wire.OpenManifest(at(wire.Policy), manifest, wire.OneKey(centreKey.Public()))
	if err != nil || m.Check(s) != nil {
		p.refused <- "offered without its manifest"
		return
	}
	p.inForce, p.spec = m.Hash, s
	p.offered <- s
}

// doors notes what reaches them, in order.
type doors struct {
	mu    sync.Mutex
	heard []any
}

type (
	leaseHeard struct {
		grant wire.LeaseGrant
		made  time.Duration
	}
	refusedHeard string
	epochHeard   uint64
)

func (d *doors) note(v any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = append(d.heard, v)
}

func (d *doors) all() []any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.heard)
}

func (d *doors) Revoke(set wire.RevokedSet)                      { d.note(set) }
func (d *doors) Lease(grant wire.LeaseGrant, made time.Duration) { d.note(leaseHeard{grant, made}) }
func (d *doors) Command(c wire.DoCommand, _ string)              { d.note(c) }
func (d *doors) CommandRefused(detail string)                    { d.note(refusedHeard(detail)) }
func (d *doors) CentreEpoch(n uint64)                            { d.note(epochHeard(n)) }

type rig struct {
	*link
	*Uplink
	journal  *memoryJournal
	changed  chan struct{}
	policies *policies
	doors    *doors
	began    time.Time
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{
		link: newLink(t), journal: newMemoryJournal(), changed: make(chan struct{}, 1), doors: &doors{}, began: time.Now(),
		policies: &policies{offered: make(chan access.Spec, 10), refused: make(chan string, 10)},
	}
	r.Uplink = New(Config{
		Site: "demo", Controller: "ctl-1", Journal: r.journal, Client: r.link, Changed: r.changed, Policies: r.policies, Doors: r.doors,
		Signer: ourKey, Centre: wire.OneKey(centreKey.Public()), CentreEpoch: 1, Mono: func() time.Duration { return time.Since(r.began) },
		Status: func() wire.ControllerStatus {
			return wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, LastSeq: r.journal.State().Seq}
		},
		Log: slog.New(slog.DiscardHandler),
	})
	return r
}

// start runs an uplink in a bubble until the test ends.
func start(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return r
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func bubble(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, fn)
}

func TestANewEventIsSentAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		pass(time.Minute)
		begin := time.Now()
		r.journal.add(t, 1)
		synctest.Wait()
		if r.have() != 1 || !r.sentAt[0].Equal(begin) || r.journal.State().Acked != 1 {
			t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
		}
	})
}

func TestABacklogGoesInOrderInBoundedBatchesAndTheCursorFollows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.journal.add(t, 5000)
		r.up()
		pass(time.Second)
		if r.have() != 5000 || r.journal.State().Acked != 5000 {
			t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
		}
		for i, b := range r.link.batches {
			if len(b.Events) > wire.MaxBatch || (i > 0 && b.First != r.link.batches[i-1].First+uint64(len(r.link.batches[i-1].Events))) {
				t.Fatalf("batch %d: %d events from %d", i, len(b.Events), b.First)
			}
		}
		if want := (5000 + wire.MaxBatch - 1) / wire.MaxBatch; r.sent() != want {
			t.Fatalf("%d batches, want %d", r.sent(), want)
		}
	})
}

func TestNoMoreThanTheWindowIsOnItsWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.set(func() { r.mute = true })
		r.journal.add(t, 5000)
		r.up()
		pass(AckTimeout - time.Millisecond)
		if r.sent() != Window {
			t.Fatalf("%d batches without an answer", r.sent())
		}
		r.ack(wire.MaxBatch)
		synctest.Wait()
		if r.sent() != Window+1 {
			t.Fatalf("%d batches after one answer", r.sent())
		}
	})
}

// The centre goes and comes back: everything arrives once and in order.
func TestACentreThatWasAwayGetsEverythingOnceAndInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		r.journal.add(t, 10)
		pass(time.Second)
		r.set(func() { r.away = true })
		for range 30 {
			r.journal.add(t, 1)
			pass(time.Second)
		}
		r.set(func() { r.away = false })
		pass(AckTimeout + time.Second)
		if r.have() != 40 || r.journal.State().Acked != 40 || r.Counts().Resends == 0 {
			t.Fatalf("centre has %d, cursor %d, %+v", r.have(), r.journal.State().Acked, r.Counts())
		}
	})
}

func TestABrokersErrorMeansUnknownAndIsSentAgain(t *testing.T) {
	for name, break_ := range map[string]func(*link){
		"not arrived": func(l *link) { l.reject = 3 },
		"arrived":     func(l *link) { l.lies = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := start(t)
				r.up()
				pass(time.Second)
				r.set(func() { break_(r.link) })
				r.journal.add(t, 3)
				pass(10 * time.Second)
				if r.have() != 3 || r.journal.State().Acked != 3 {
					t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
				}
			})
		})
	}
}

func TestNothingIsReadOrSentWithoutAConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.journal.add(t, 10)
		pass(time.Minute)
		if r.Counts().Batches != 0 {
			t.Fatalf("counts %+v", r.Counts())
		}
		r.up()
		synctest.Wait()
		if r.have() != 10 {
			t.Fatalf("centre has %d", r.have())
		}
	})
}

func TestANewConnectionStartsAgainFromTheCursor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.set(func() { r.away = true })
		r.up()
		r.journal.add(t, 10)
		pass(time.Second)
		r.set(func() { r.away, r.connected = false, false })
		r.up()
		synctest.Wait()
		if r.have() != 10 {
			t.Fatalf("centre has %d", r.have())
		}
	})
}

// A centre restored from a backup says less than before: what it lost is sent again, as far as it is kept.
func TestACentreThatWentBackGetsAgainWhatItLost(t *testing.T) {
	for name, c := range map[string]struct {
		epoch uint64 // of the centre from then on
		after time.Duration
	}{
		"in a new epoch": {2, time.Millisecond},
		"in the same":    {1, AckTimeout + time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := start(t)
				r.up()
				r.journal.add(t, 1000)
				pass(time.Second)
				r.set(func() { r.centre, r.epoch = r.centre[:300], c.epoch })
				r.ack(300)
				pass(c.after)
				if r.have() != 1000 || r.journal.State().Acked != 1000 {
					t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
				}
			})
		})
	}
}

// A late acknowledgement of the same centre costs nothing: nothing is sent again for it.
func TestALateAcknowledgementMovesNothingBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		r.journal.add(t, 1000)
		pass(time.Second)
		sent := r.sent()
		for range 10 {
			r.ack(300)
			pass(time.Second)
			r.journal.add(t, 1)
			pass(time.Millisecond)
		}
		if r.sent() != sent+10 || r.journal.State().Acked != 1010 {
			t.Fatalf("%d batches for 10 events, cursor %d", r.sent()-sent, r.journal.State().Acked)
		}
	})
}

func TestAcknowledgementsNobodyCanHaveGivenAreCountedAndIgnored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		r.journal.add(t, 5)
		pass(time.Second)
		r.say(wire.Ack, wire.NewAck(1, epoch+1, 1))
		pass(time.Millisecond)
		r.say(wire.Ack, wire.NewAck(1, epoch, 6))
		pass(time.Millisecond)
		for _, b := range [][]byte{[]byte("{}"), []byte(`{"v":2,"type":"ack"}`), nil, bytes.Repeat([]byte("["), 100_000)} {
			r.send(wire.Ack, b)
		}
		synctest.Wait()
		if c := r.Counts(); c.BadAcks != 2 || c.Refused != 4 || r.journal.State().Acked != 5 {
			t.Fatalf("counts %+v, cursor %d", c, r.journal.State().Acked)
		}
	})
}

func TestTheStatusGoesOutAtConnectionAtChangeAndEveryTenSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		count := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.statuses) }
		pass(time.Minute)
		if count() != 0 {
			t.Fatalf("%d statuses without a connection", count())
		}
		r.up()
		pass(statusPause)
		if count() != 1 {
			t.Fatalf("%d statuses after the connection", count())
		}
		poke(r.changed)
		synctest.Wait()
		if count() != 2 {
			t.Fatalf("%d statuses after a change", count())
		}
		for range 100 { // a door that swings does not flood the line
			poke(r.changed)
			pass(time.Millisecond)
		}
		pass(statusPause)
		if count() != 3 {
			t.Fatalf("%d statuses after a hundred changes", count())
		}
		before := count()
		pass(6 * StatusEvery)
		if n := count() - before; n != 6 {
			t.Fatalf("%d statuses in %v", n, 6*StatusEvery)
		}
	})
}

func TestTheWillIsTheOfflineStatus(t *testing.T) {
	m, err := Will("demo", "ctl-1")
	if err != nil || !m.Retained || m.Topic != "kanmon/v1/demo/ctl-1/status" || string(m.Payload) != `{"v":1,"type":"status","online":false}` {
		t.Fatalf("will %q on %s, %v", m.Payload, m.Topic, err)
	}
}
