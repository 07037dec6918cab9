package uplink

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

var aNonce = strings.Repeat("0a", 16)

func challenge(id string) wire.DoCommand {
	return wire.DoCommand{V: wire.V, Type: wire.Command, ID: id, Op: wire.Challenge}
}

func release(id string) wire.DoCommand {
	return wire.DoCommand{V: wire.V, Type: wire.Command, ID: id, Op: wire.Release, Nonce: aNonce, Door: "D-1", By: "A-1", Reason: "why"}
}

func revokedSet(n uint64) wire.RevokedSet {
	v := access.Version{Epoch: 1, N: n}
	return wire.NewRevokedSet(n-1, v, []access.Revocation{{Version: v, Key: access.Key{byte(n)}, Card: "C-1", State: access.Revoked}})
}

// downs is one good message of every kind the centre sends.
func downs(t testing.TB) map[wire.Kind]any {
	t.Helper()
	return map[wire.Kind]any{
		wire.Ack: wire.NewAck(1, epoch, 0), wire.Revoked: revokedSet(1), wire.Command: release("c-1"),
		wire.Lease: wire.LeaseGrant{V: wire.V, Type: wire.Lease, Nonce: aNonce, Centre: 1, At: time.Now().UTC()},
	}
}

// effects counts what has reached the doors and the journal.
func (r *rig) effects() (n int) {
	for _, heard := range r.doors.all() {
		if _, refusal := heard.(refusedHeard); !refusal {
			n++
		}
	}
	if r.acks.take() != nil {
		n++
	}
	return n + len(r.policies.offered)
}

// M-4: what the broker had retained is dropped and counted, whoever signed it; a retained command is an alarm. Revocations are state, and
// taken.
func TestWhatTheBrokerRetainedIsNotObeyed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for kind, body := range downs(t) {
			r := newRig(t)
			b, err := wire.Seal(at(kind), body, centreKey)
			if err != nil {
				t.Fatal(err)
			}
			r.deliver(mqtt.Message{Topic: at(kind).Topic(), Payload: b, Retained: true})
			if kind == wire.Revoked {
				if r.effects() != 1 || r.Counts().Retained != 0 {
					t.Errorf("%s: %d effects, %+v", kind, r.effects(), r.Counts())
				}
				continue
			}
			if r.effects() != 0 || r.Counts().Retained != 1 {
				t.Errorf("%s: obeyed, %+v", kind, r.Counts())
			}
			if _, said := last(r.doors.all()).(refusedHeard); said != (kind == wire.Command) {
				t.Errorf("%s: heard %v", kind, r.doors.all())
			}
		}
	})
}

func last(all []any) any {
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// M-10: unsigned, signed by another, signed for another topic, or altered in any byte: counted, and without any effect.
func TestWhatTheCentreDidNotSignForThisTopicIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for kind, body := range downs(t) {
			good, err := wire.Seal(at(kind), body, centreKey)
			if err != nil {
				t.Fatal(err)
			}
			bare, err := wire.Encode(body)
			if err != nil {
				t.Fatal(err)
			}
			byStranger, _ := wire.Seal(at(kind), body, strangerKey)
			elsewhere, _ := wire.Seal(wire.Address{Site: "demo", Controller: "ctl-2", Kind: kind}, body, centreKey)
			otherSite, _ := wire.Seal(wire.Address{Site: "demo-2", Controller: "ctl-1", Kind: kind}, body, centreKey)
			bad := [][]byte{bare, byStranger, elsewhere, otherSite, good[:len(good)-1], append(good[:len(good):len(good)], ' '), nil}
			for i := range good {
				altered := append([]byte{}, good...)
				altered[i] ^= 1 << rand.IntN(7)
				bad = append(bad, altered)
			}
			r := newRig(t)
			for _, b := range bad {
				r.send(kind, b)
			}
			if n := r.effects(); n != 0 || r.Counts().Refused != uint64(len(bad)) {
				t.Errorf("%s: %d effects of %d forgeries, %+v", kind, n, len(bad), r.Counts())
			}
			r.nonces.last[0].value = aNonce
			r.send(kind, good)
			if n := r.effects(); n != 1 {
				t.Errorf("%s: the good one has %d effects", kind, n)
			}
		}
	})
}

// The broadcast to all is signed for that topic: neither it nor a controller's own passes for the other.
func TestABroadcastIsHeardOnItsOwnTopicOnly(t *testing.T) {
	all := wire.Address{Site: "demo", Controller: wire.All, Kind: wire.Revoked}
	r := newRig(t)
	b, err := wire.Seal(all, revokedSet(1), centreKey)
	if err != nil {
		t.Fatal(err)
	}
	r.send(wire.Revoked, b)
	if r.effects() != 0 {
		t.Fatal("a broadcast on the controller's own topic was taken")
	}
	r.deliver(mqtt.Message{Topic: all.Topic(), Payload: b})
	if got := r.doors.all(); len(got) != 1 || got[0].(wire.RevokedSet).Upto.N != 1 {
		t.Fatalf("heard %v", got)
	}
}

// An acknowledgement proves nothing once a later centre has spoken: the earlier one's words may come late, or again.
func TestTheWordOfAnEarlierCentreIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		r.journal.add(t, 100)
		pass(time.Second)
		r.set(func() { r.epoch, r.centre = 2, r.centre[:40] })
		r.ack(40)
		pass(time.Second)
		if r.have() != 100 || r.journal.State().Acked != 100 {
			t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
		}
		if got := r.doors.all(); len(got) != 1 || got[0] != epochHeard(2) {
			t.Fatalf("heard %v", got)
		}
		heard := len(r.doors.all())
		r.say(wire.Lease, wire.LeaseGrant{V: wire.V, Type: wire.Lease, Nonce: r.said().statuses[0].Nonce, Centre: 1, At: time.Now().UTC()})
		if len(r.doors.all()) != heard {
			t.Fatal("a lease of the earlier centre was taken")
		}
		r.set(func() { r.mute = true })
		r.journal.add(t, 10)
		pass(time.Millisecond)
		r.say(wire.Ack, wire.NewAck(1, epoch, 110))
		pass(time.Millisecond)
		if r.journal.State().Acked != 100 || r.Counts().BadAcks != 1 {
			t.Fatalf("cursor %d, %+v", r.journal.State().Acked, r.Counts())
		}
	})
}

// R76-2: a lease answers a nonce that this run made, and is as old as the nonce is, however late it comes. A broker that holds it back, or
// brings it again, makes nothing younger.
func TestALeaseIsAsOldAsTheNonceItAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		pass(3 * time.Second)
		r.up()
		synctest.Wait()
		grant := wire.LeaseGrant{V: wire.V, Type: wire.Lease, Nonce: r.said().statuses[0].Nonce, Centre: 1, At: time.Now().UTC()}
		pass(time.Minute)
		r.say(wire.Lease, grant)
		r.say(wire.Lease, grant)
		got := r.doors.all()
		if len(got) != 2 || got[0] != (leaseHeard{grant, 3 * time.Second}) || got[1] != got[0] {
			t.Fatalf("heard %v", got)
		}
		pass(nonceCount * StatusEvery)
		r.say(wire.Lease, grant)
		grant.Nonce = aNonce
		r.say(wire.Lease, grant)
		if len(r.doors.all()) != 2 || r.Counts().NoNonce != 2 {
			t.Fatalf("heard %v, %+v", r.doors.all(), r.Counts())
		}
		seen := map[string]bool{}
		all := r.said().statuses
		for i, s := range all {
			if seen[s.Nonce] || s.N == 0 || (i > 0 && s.N <= all[i-1].N) {
				t.Fatalf("status %d: %+v", i, s)
			}
			seen[s.Nonce] = true
		}
	})
}

func TestReceiptsAndAnswersAreSentSigned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := start(t)
		r.up()
		pass(time.Second)
		receipt := func(n uint64) wire.RevokedReceipt {
			return wire.RevokedReceipt{
				V: wire.V, Type: wire.Receipt, Upto: access.Version{Epoch: 1, N: n}, Hash: access.Revocations{}.Hash(), AppliedAt: time.Now().UTC(),
			}
		}
		r.set(func() { r.reject = 2 })
		r.Receipt(receipt(1))
		synctest.Wait()
		r.Receipt(receipt(2)) // takes the place of the one that was not sent
		pass(5 * retryPause)
		r.Answer(wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: "c-1", Done: true})
		synctest.Wait()
		if got := r.said(); len(got.receipts) != 1 || got.receipts[0].Upto.N != 2 || len(got.answers) != 1 || !got.answers[0].Done {
			t.Fatalf("receipts %v, answers %v", got.receipts, got.answers)
		}
	})
}

// M-10: a broker that drops, doubles, reorders and alters loses nothing and forges nothing: in the end the centre has every event once
// and in order, and the doors have obeyed nothing that the centre did not sign.
func TestABrokerThatLiesOnlyDelays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t)
		evil := &evilBroker{link: r.link, random: rand.New(rand.NewPCG(1, 2))}
		cfg := r.cfg
		cfg.Client = evil
		r.Uplink = New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		r.up()
		signed := 0
		for i := range 300 {
			r.journal.add(t, 20)
			if i%10 == 0 {
				signed++
				r.say(wire.Command, challenge(strings.Repeat("x", signed)))
			}
			pass(300 * time.Millisecond)
		}
		r.set(func() { evil.honest = true })
		pass(3 * AckTimeout)
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if r.have() != 6000 || r.journal.State().Acked != 6000 {
			t.Fatalf("centre has %d, cursor %d", r.have(), r.journal.State().Acked)
		}
		for i, e := range r.link.centre { // the uplink has ended
			if e.Seq != uint64(i)+1 {
				t.Fatalf("event %d in place of %d", e.Seq, i+1)
			}
		}
		for _, heard := range r.doors.all() {
			if c, command := heard.(wire.DoCommand); command && (c.Op != wire.Challenge || strings.Trim(c.ID, "x") != "") {
				t.Fatalf("obeyed %+v", c)
			}
		}
		if r.Counts().Refused == 0 || evil.altered == 0 {
			t.Fatalf("nothing was altered: %+v", r.Counts())
		}
	})
}

// evilBroker does what it likes with every tenth message, both ways.
type evilBroker struct {
	*link
	random  *rand.Rand
	held    []func()
	altered int
	honest  bool
}

// Handle puts the broker between the centre and the controller.
func (b *evilBroker) Handle(filter string, fn func(context.Context, mqtt.Message)) {
	b.link.Handle(filter, func(ctx context.Context, m mqtt.Message) {
		b.mu.Lock()
		what := b.random.IntN(100)
		if b.honest {
			what = 100
		}
		if what < 8 {
			b.altered++
		}
		held := b.held
		b.held = nil
		at := b.random.IntN(len(m.Payload) * 8)
		b.mu.Unlock()
		switch {
		case what < 4: // dropped
		case what < 8:
			altered := append([]byte{}, m.Payload...)
			altered[at/8] ^= 1 << (at % 8)
			fn(ctx, mqtt.Message{Topic: m.Topic, Payload: altered})
		case what < 14:
			fn(ctx, m)
			fn(ctx, m)
		case what < 20:
			b.mu.Lock()
			b.held = append(b.held, func() { fn(ctx, m) })
			b.mu.Unlock()
		default:
			fn(ctx, m)
		}
		for _, late := range held {
			late()
		}
	})
}

// Publish loses some, and says of some that it lost them.
func (b *evilBroker) Publish(ctx context.Context, m mqtt.Message) error {
	b.mu.Lock()
	what := b.random.IntN(100)
	if b.honest {
		what = 100
	}
	b.mu.Unlock()
	switch {
	case what < 4:
		return nil
	case what < 8:
		_ = b.link.Publish(ctx, m)
		return context.DeadlineExceeded
	case what < 12:
		_ = b.link.Publish(ctx, m)
		return b.link.Publish(ctx, m)
	default:
		return b.link.Publish(ctx, m)
	}
}
