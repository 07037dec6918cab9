package centre_test

import (
	"strings"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
	"kanmon/lifecycle/card"
	"kanmon/lifecycle/entrylog"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/lifecycle/revocation"
)

func online(n uint64, change func(*wire.ControllerStatus)) wire.ControllerStatus {
	s := wire.ControllerStatus{V: wire.V, Type: wire.Status, Online: true, Start: 1, N: n}
	if change != nil {
		change(&s)
	}
	return s
}

func TestAStatusIsAnsweredWithALeaseForItsNonce(t *testing.T) {
	l, _, _ := startCentre(t)
	nonce := strings.Repeat("0f", 16)
	kept := payload(t, "ctl-1", wire.Status, online(1, func(s *wire.ControllerStatus) { s.Nonce = strings.Repeat("00", 16) }))
	kept.Retained = true
	l.arrive(t, kept)
	l.arrive(t, payload(t, "ctl-1", wire.Status, online(2, func(s *wire.ControllerStatus) { s.Nonce = nonce })))
	grant, err := wire.OpenLease(address("ctl-1", wire.Lease), l.next(t, "kanmon/v1/demo/ctl-1/lease"), keys())
	if err != nil || grant.Nonce != nonce || grant.Centre != 1 || grant.Policy.N == 0 {
		t.Fatalf("%+v, %v", grant, err)
	}
}

// R75-3: one action, and every door that could know the card is followed until its signed word is in the ledger.
func TestARevocationIsFollowedToTheReceiptOfEveryDoor(t *testing.T) {
	l, c, city := startCentre(t)
	names := []string{"ctl-1", "ctl-2"}
	for _, name := range names {
		l.arrive(t, payload(t, name, wire.Status, online(1, nil)))
		l.next(t, "kanmon/v1/demo/"+name+"/policy")
	}
	cards, err := city.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: "1001"})
	if err != nil {
		t.Fatal(err)
	}
	told := c.Receipts().Subscribe()
	defer told.Close()
	_, v, err := city.Card.Revoke(t.Context(), lifecycletest.Manager, cards[0].ID, "紛失", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	all := wire.Address{Site: "demo", Controller: wire.All, Kind: wire.Revoked}
	set, err := wire.OpenRevoked(all, l.next(t, all.Topic()), keys())
	if err != nil || set.Upto != v || len(set.Entries) != 1 || set.Entries[0].State != access.Revoked {
		t.Fatalf("broadcast %+v, %v", set, err)
	}
	here := access.Revocations{}
	here.Merge(set.Entries...)
	for _, name := range names {
		l.arrive(t, payload(t, name, wire.Receipt, wire.RevokedReceipt{
			V: wire.V, Type: wire.Receipt, Upto: v, Hash: here.Hash(), AppliedAt: time.Now().UTC().Truncate(time.Microsecond),
		}))
	}
	for {
		<-told.Wake()
		items, err := city.Revocations.List(t.Context(), lifecycletest.Guard, revocation.Filter{})
		if err != nil || len(items) != 1 {
			t.Fatalf("%+v, %v", items, err)
		}
		if items[0].Confirmed == 2 {
			break
		}
	}
	got, err := city.Revocations.Receipt(t.Context(), lifecycletest.Guard, v)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range got.Doors {
		if !line.Confirmed || line.PublishedAt.IsZero() || line.ReceivedAt.Before(line.PublishedAt) || line.Signature != lifecycletest.DeviceSigner(line.Controller).KeyID() {
			t.Errorf("%+v", line)
		}
	}
}

// A centre that starts again knows from the register who is connected and what they lack.
func TestAfterARestartADoorIsSentWhatItLacksBeforeItSpeaks(t *testing.T) {
	l, _, city := startCentre(t)
	l.arrive(t, payload(t, "ctl-1", wire.Status, online(1, nil)))
	l.next(t, "kanmon/v1/demo/ctl-1/policy")
	cards, err := city.Card.List(t.Context(), lifecycletest.Guard, card.Filter{Person: "1001"})
	if err != nil {
		t.Fatal(err)
	}
	_, v, err := city.Card.Suspend(t.Context(), lifecycletest.Manager, cards[0].ID, "紛失", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	again, _, _ := startOn(t, city)
	at := address("ctl-1", wire.Revoked)
	set, err := wire.OpenRevoked(at, again.next(t, at.Topic()), keys())
	if err != nil || set.From != 0 || set.Upto != v {
		t.Fatalf("%+v, %v", set, err)
	}
}

// M-4: a broker that keeps messages cannot have them acted on.
func TestAKeptMessageOtherThanAStatusIsNotActedOn(t *testing.T) {
	l, _, city := startCentre(t)
	raws, heads := journal(t, "ctl-1", 2)
	kept := events(t, "ctl-1", raws, heads, 1, 1)
	kept.Retained = true
	l.arrive(t, kept)
	other, otherHeads := journal(t, "ctl-2", 1)
	l.arrive(t, events(t, "ctl-2", other, otherHeads, 1, 1))
	l.nextAck(t, "ctl-2")
	entries, err := city.Entries.List(t.Context(), lifecycletest.Guard, entrylog.Filter{})
	if err != nil || len(entries) != 1 || entries[0].Controller != "ctl-2" {
		t.Fatalf("%+v, %v", entries, err)
	}
}

// R103-1: what a stranger sends in a controller's name reaches neither register nor door.
func TestAForgedMessageIsNotAcknowledged(t *testing.T) {
	l, _, city := startCentre(t)
	raws, heads := journal(t, "ctl-1", 1)
	b := wire.SignBatch(address("ctl-1", wire.Events), wire.NewEventBatch(1, 1, heads[0], raws), lifecycletest.DeviceSigner("ctl-2"))
	forged, err := wire.Encode(b)
	if err != nil {
		t.Fatal(err)
	}
	l.arrive(t, mqtt.Message{Topic: "kanmon/v1/demo/ctl-1/events", Payload: forged})
	l.arrive(t, events(t, "ctl-1", raws, heads, 1, 1))
	if got := l.nextAck(t, "ctl-1"); got != 1 {
		t.Fatalf("acknowledged %d", got)
	}
	bad, err := city.Entries.List(t.Context(), lifecycletest.Guard, entrylog.Filter{Kind: entrylog.Quarantined})
	if err != nil || len(bad) != 1 || bad[0].Reason != entrylog.BadSignature {
		t.Fatalf("%+v, %v", bad, err)
	}
}

func TestACommandAndItsAnswersPassThroughTheCentre(t *testing.T) {
	l, c, _ := startCentre(t)
	l.arrive(t, payload(t, "ctl-1", wire.Status, online(1, nil)))
	l.next(t, "kanmon/v1/demo/ctl-1/policy")
	ended := make(chan error, 1)
	go func() {
		out, err := c.Commands().Release(t.Context(), lifecycletest.Manager, "D-1", "救急隊")
		if err == nil && !out.Done {
			t.Errorf("%+v", out)
		}
		ended <- err
	}()
	at := address("ctl-1", wire.Command)
	for range 2 {
		cmd, err := wire.OpenCommand(at, l.next(t, at.Topic()), keys())
		if err != nil {
			t.Fatal(err)
		}
		answer := wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: cmd.ID, Done: cmd.Op == wire.Release}
		if cmd.Op == wire.Challenge {
			answer.Nonce = strings.Repeat("ab", 16)
		}
		l.arrive(t, payload(t, "ctl-1", wire.Answer, answer))
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
