package uplink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	"kanmon/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const epoch = 77

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
	latency time.Duration
	toUs    map[string]func(context.Context, mqtt.Message)
	connect func()

	mu        sync.Mutex
	connected bool
	centre    []event.Event
	statuses  []wire.ControllerStatus
	batches   []wire.EventBatch
	sentAt    []time.Time
	mute      bool // the centre takes, and does not answer
	away      bool // the centre takes nothing
	lies      int  // so many publishes report an error although they arrived
	reject    int  // so many publishes report an error and did not arrive
}

func newLink(t testing.TB) *link {
	return &link{t: t, toUs: map[string]func(context.Context, mqtt.Message){}}
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
	if a.Kind == wire.Status {
		l.takeStatus(m.Payload)
		return nil
	}
	l.takeBatch(m.Payload)
	if l.lies > 0 {
		l.lies--
		return errors.New("token error, though it arrived")
	}
	return nil
}

func (l *link) takeStatus(b []byte) {
	s, err := wire.DecodeStatus(b)
	if err != nil {
		l.t.Error(err)
	}
	l.statuses = append(l.statuses, s)
}

func (l *link) takeBatch(b []byte) {
	batch, events, err := wire.DecodeEventBatch(b)
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
		go l.ack(uint64(len(l.centre)))
	}
}

func (l *link) ack(upTo uint64) {
	b, err := wire.Encode(wire.NewAck(epoch, upTo))
	if err != nil {
		l.t.Error(err)
	}
	l.send(wire.Ack, b)
}

func (l *link) send(k wire.Kind, payload []byte) {
	topic := wire.Topic("demo", "ctl-1", k)
	l.toUs[topic](context.Background(), mqtt.Message{Topic: topic, Payload: payload})
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

type rig struct {
	*link
	*Uplink
	journal *memoryJournal
	changed chan struct{}
	offered chan access.Spec
	refused chan string
}

// start runs an uplink in a bubble until the test ends.
func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		link: newLink(t), journal: newMemoryJournal(), changed: make(chan struct{}, 1),
		offered: make(chan access.Spec, 10), refused: make(chan string, 10),
	}
	r.Uplink = New(Config{
		Site: "demo", Controller: "ctl-1", Journal: r.journal, Client: r.link, Changed: r.changed,
		Status: func() wire.ControllerStatus {
			return wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, LastSeq: r.journal.State().Seq}
		},
		Offer:  func(s access.Spec, _ string) { r.offered <- s },
		Refuse: func(d string) { r.refused <- d },
		Log:    slog.New(slog.DiscardHandler),
	})
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
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		r.journal.add(t, 1000)
		pass(time.Second)
		r.set(func() { r.centre = r.centre[:300] })
		r.ack(300)
		pass(time.Second)
		if r.have() != 1000 || r.journal.State().Acked != 1000 {
			t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
		}
	})
}

func TestAcknowledgementsNobodyCanHaveGivenAreCountedAndIgnored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		r.journal.add(t, 5)
		pass(time.Second)
		other, _ := wire.Encode(wire.NewAck(epoch+1, 1))
		ahead, _ := wire.Encode(wire.NewAck(epoch, 6))
		for _, b := range [][]byte{other, ahead, []byte("{}"), []byte(`{"v":2,"type":"ack"}`), nil, bytes.Repeat([]byte("["), 100_000)} {
			r.send(wire.Ack, b)
			synctest.Wait()
		}
		if r.Counts().BadAcks != 6 || r.journal.State().Acked != 5 {
			t.Fatalf("counts %+v, cursor %d", r.Counts(), r.journal.State().Acked)
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

func spec(people int) access.Spec {
	s := access.Spec{Version: access.Version{Epoch: 1, N: 4}}
	for i := range people {
		s.People = append(s.People, access.Person{ID: fmt.Sprint("P-", i)})
	}
	return s
}

func TestAPolicyInPartsIsOfferedOnceItIsWhole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		parts, err := wire.SplitPolicy(spec(5000))
		if err != nil {
			t.Fatal(err)
		}
		for i := len(parts) - 1; i >= 0; i-- {
			if len(r.offered) != 0 {
				t.Fatal("offered before it was whole")
			}
			b, err := wire.Encode(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			r.send(wire.Policy, b)
			synctest.Wait()
		}
		if got := <-r.offered; len(got.People) != 5000 || got.Version.N != 4 {
			t.Fatalf("offered %v with %d people", got.Version, len(got.People))
		}
	})
}

func TestAPolicyThatDoesNotFitTogetherIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		parts, err := wire.SplitPolicy(spec(1))
		if err != nil {
			t.Fatal(err)
		}
		parts[0].Spec.People[0].ID = "P-666"
		b, err := wire.Encode(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		r.send(wire.Policy, b)
		r.send(wire.Policy, []byte("garbage"))
		synctest.Wait()
		if len(r.offered) != 0 || len(r.refused) != 1 || r.Counts().BadParts != 2 {
			t.Fatalf("offered %d, refused %d, %+v", len(r.offered), len(r.refused), r.Counts())
		}
	})
}

func TestHandlersNeverWait(t *testing.T) {
	r := &rig{link: newLink(t), journal: newMemoryJournal()}
	r.Uplink = New(Config{Site: "demo", Controller: "ctl-1", Journal: r.journal, Client: r.link, Log: slog.New(slog.DiscardHandler)})
	for range policyQueue + 10 { // nobody reads
		r.send(wire.Policy, []byte("x"))
		r.ack(0)
		r.connect()
	}
	if r.Counts().LateParts != 10 {
		t.Fatalf("counts %+v", r.Counts())
	}
}

func TestTheWillIsTheOfflineStatus(t *testing.T) {
	m, err := Will("demo", "ctl-1")
	if err != nil || !m.Retained || m.Topic != "kanmon/v1/demo/ctl-1/status" || string(m.Payload) != `{"v":1,"type":"status","online":false}` {
		t.Fatalf("will %q on %s, %v", m.Payload, m.Topic, err)
	}
}
