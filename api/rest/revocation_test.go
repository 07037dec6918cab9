package rest_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"kanmon/api/command"
	"kanmon/internal/access"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/revocation"
)

// town is a bench with one area behind two controllers that are enrolled, and one card. It returns the card's path.
func town(b *bench, boss string) (card string) {
	b.t.Helper()
	for _, step := range [][2]string{
		{"/staff", `{"no":"S1","name":"山田"}`},
		{"/areas", `{"id":"srv","name":"電子計算機室","grade":3,"record":"strict","owner":"S1"}`},
		{"/controllers", `{"name":"ctl-1","place":"1F"}`},
		{"/controllers", `{"name":"ctl-2","place":"2F"}`},
		{"/readers", `{"name":"IN","controller":"ctl-1","kind":"osdp_reader","address":1}`},
		{"/readers", `{"name":"IN","controller":"ctl-2","kind":"osdp_reader","address":1}`},
		{"/doors", `{"id":"D-1","name":"正面扉","area":"srv","controller":"ctl-1","entry_readers":["IN"],"release_ms":3000,"held_ms":10000}`},
		{"/doors", `{"id":"D-2","name":"裏口","area":"srv","controller":"ctl-2","entry_readers":["IN"],"release_ms":3000,"held_ms":10000}`},
	} {
		b.want(201, "", boss, "POST", step[0], step[1])
	}
	for _, name := range []string{"ctl-1", "ctl-2"} {
		enrolled(b, name)
	}
	made := b.want(201, "", boss, "POST", "/cards", `{"label":"K-1","person":"S1","credential":"bits:26:bdd93740"}`)
	id, _ := made.json["id"].(string)
	return "/cards/" + id
}

func keyOf(controller string) ed25519.PublicKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, controller)
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey) //nolint:forcetypeassert // it is
}

func enrolled(b *bench, name string) {
	b.t.Helper()
	token, _, err := b.enrolment.Token(b.t.Context(), store.System("test"), name)
	if err == nil {
		err = b.devices.Enroll(b.t.Context(), device.Enrolment{Controller: name, TokenHash: token.Hash(), Public: keyOf(name), BoxKey: make([]byte, 32)},
			func() (device.Certificate, error) {
				now := time.Now()
				return device.Certificate{Serial: "1f", Fingerprint: "aaaa bbbb", Issued: now, Until: now.AddDate(0, 0, 180)}, nil
			})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// R75-3, R76-2: one call stops a lost card, and the receipt says which door confirmed it, when, and in whose name.
func TestALostCardIsStoppedAndTheReceiptSaysWhichDoorsObey(t *testing.T) {
	b := newBench(t)
	boss, guard := b.add("boss", authz.SystemManager), b.add("guard", authz.Guard)
	card := town(b, boss)
	b.want(403, "auth.denied", guard, "POST", card+"/revoke", `{"reason":"紛失"}`)
	b.want(422, "request.form", guard, "POST", card+"/suspend", `{"reason":""}`)
	b.want(422, "card.lost_at", guard, "POST", card+"/suspend", `{"reason":"紛失","lost_at":"2999-01-01T00:00:00Z"}`)
	got := b.want(200, "", guard, "POST", card+"/suspend", `{"reason":"紛失","lost_at":"2026-04-01T12:00:00+09:00"}`)
	if state := got.json["card"].(map[string]any)["state"]; state != "suspended" {
		t.Errorf("state %v", state)
	}
	b.want(409, "card.already_suspended", guard, "POST", card+"/suspend", `{"reason":"紛失"}`)
	b.want(200, "", boss, "POST", card+"/lift", `{"reason":"見つかった"}`)
	b.want(409, "card.not_suspended", boss, "POST", card+"/lift", `{"reason":"見つかった"}`)
	b.want(422, "request.form", boss, "POST", card+"/lift", `{"reason":"x","lost_at":"2026-04-01T12:00:00+09:00"}`)
	got = b.want(200, "", boss, "POST", card+"/revoke", `{"reason":"盗難","lost_at":"2026-04-01T12:00:00+09:00"}`)
	version := got.json["revocation"].(map[string]any)
	if version["n"] != 3.0 || version["epoch"] != 1.0 {
		t.Fatalf("version %v", version)
	}
	b.want(409, "card.already_revoked", boss, "POST", card+"/revoke", `{"reason":"盗難"}`)
	b.want(409, "card.already_revoked", boss, "POST", card+"/lift", `{"reason":"盗難"}`)
	b.want(404, "card.unknown", boss, "POST", "/cards/none/revoke", `{"reason":"盗難"}`)

	confirm(b, "ctl-1", access.Version{Epoch: 1, N: 3})
	receipt := b.want(200, "", guard, "GET", "/revocations/1/3", "")
	if receipt.json["confirmed"] != 1.0 || receipt.json["targets"] != 2.0 || receipt.json["lost_at"] != "2026-04-01T03:00:00Z" || receipt.json["reason"] != "盗難" {
		t.Errorf("receipt %s", receipt.text)
	}
	lines := receipt.json["controllers"].([]any)
	green, red := lines[0].(map[string]any), lines[1].(map[string]any)
	if green["confirmed"] != true || green["payload"] != base64.StdEncoding.EncodeToString([]byte("signed")) || green["key"] != wire.KeyID(keyOf("ctl-1")) ||
		green["doors"].([]any)[0] != "正面扉" || green["applied_ms"].(float64) != 2 || green["received_ms"].(float64) != 3.5 || green["lease_ends"] != nil {
		t.Errorf("confirmed: %v", green)
	}
	if red["confirmed"] != false || red["controller"] != "ctl-2" || red["received_at"] != nil || red["key"] != nil || red["lease_ends"] != nil {
		t.Errorf("open: %v", red)
	}
	list := b.want(200, "", guard, "GET", "/revocations?limit=2", "")
	if items := list.json["items"].([]any); len(items) != 2 || items[0].(map[string]any)["state"] != "revoked" || items[1].(map[string]any)["state"] != "active" {
		t.Errorf("list %s", list.text)
	}
	older := b.want(200, "", guard, "GET", "/revocations?before_epoch=1&before_n=2", "")
	if items := older.json["items"].([]any); len(items) != 1 || items[0].(map[string]any)["state"] != "suspended" {
		t.Errorf("older %s", older.text)
	}
	b.want(422, "request.form", guard, "GET", "/revocations?before_n=2", "")
	b.want(404, "revocation.unknown", guard, "GET", "/revocations/1/4", "")
	b.want(422, "request.form", guard, "GET", "/revocations/x/4", "")
}

// confirm is the word of a controller, applied 2 ms and received 3.5 ms after the action.
func confirm(b *bench, controller string, v access.Version) {
	b.t.Helper()
	items, err := b.revocations.List(b.t.Context(), store.System("test"), revocation.Filter{Limit: 1})
	if err != nil || items[0].Version != v {
		b.t.Fatal(items, err)
	}
	at := items[0].At
	ignored, err := b.revocations.Confirm(b.t.Context(), []revocation.Confirmation{{
		Controller: controller, Key: wire.KeyID(keyOf(controller)), Upto: v, Hash: "aa", PublishedAt: at.Add(time.Millisecond),
		AppliedAt: at.Add(2 * time.Millisecond), ReceivedAt: at.Add(3500 * time.Microsecond), Payload: []byte("signed"),
	}})
	if err != nil || ignored != 0 {
		b.t.Fatal(ignored, err)
	}
}

type releaser struct {
	door, reason string
	area, person string
	actor        store.Actor
	answer       command.Outcome
	answers      []command.Outcome // of Forget
	fail         error
}

func (r *releaser) Forget(_ context.Context, actor store.Actor, area, person, reason string) ([]command.Outcome, error) {
	r.actor, r.area, r.person, r.reason = actor, area, person, reason
	return r.answers, r.fail
}

func (r *releaser) Release(_ context.Context, actor store.Actor, door, reason string) (command.Outcome, error) {
	r.actor, r.door, r.reason = actor, door, reason
	return r.answer, r.fail
}

// R105-1: a door is released from afar only for a manager who gives the password again and says why.
func TestADoorIsReleasedForAManagerWhoProvesWhoHeIs(t *testing.T) {
	b := newBench(t)
	boss, guard := b.add("boss", authz.SystemManager), b.add("guard", authz.Guard)
	good := `{"password":"` + password + `","reason":"救急隊"}`
	b.want(403, "auth.denied", guard, "POST", "/doors/D-1/release", good)
	for range 3 {
		b.want(403, "auth.password", boss, "POST", "/doors/D-1/release", strings.Replace(good, "horse", "house", 1))
	}
	b.want(422, "request.form", boss, "POST", "/doors/D-1/release", `{"password":"x"}`)
	b.want(422, "request.form", boss, "POST", "/doors/D-1/release", `{"password":"x","reason":""}`)
	if b.releaser.door != "" {
		t.Fatal("released")
	}
	b.releaser.answer = command.Outcome{Done: true, Took: 2500 * time.Microsecond, Command: "C1"}
	got := b.want(200, "", boss, "POST", "/doors/D-1/release", good)
	if strings.TrimSpace(got.text) != `{"done":true,"took_ms":2.5,"command":"C1"}` || b.releaser.door != "D-1" || b.releaser.reason != "救急隊" || b.releaser.actor.ID != "boss" {
		t.Errorf("%s, asked %+v", got.text, b.releaser)
	}
	b.releaser.answer = command.Outcome{Refused: "not_recorded", Took: time.Millisecond, Command: "C2"}
	b.releaser.fail = fault.New(fault.Unavailable, "command.no_answer", "none in 10 s")
	b.want(503, "command.no_answer", boss, "POST", "/doors/D-1/release", good)
	if strings.Contains(got.text+b.log.String(), password) {
		t.Error("the password is in an answer or the log")
	}
	for range 5 {
		b.call(boss, "POST", "/doors/D-1/release", strings.Replace(good, "horse", "house", 1))
	}
	b.want(429, "", boss, "POST", "/doors/D-1/release", good)
}

// R43-2: where somebody is, is forgotten only for a manager who gives the password again and says why.
func TestAManagerWhoProvesWhoHeIsHasAnAreaForget(t *testing.T) {
	b := newBench(t)
	boss, guard := b.add("boss", authz.SecurityManager), b.add("guard", authz.Guard)
	const path = "/areas/server-room/forget"
	good := `{"password":"` + password + `","person":"1001","reason":"非常口から退室"}`
	b.want(403, "auth.denied", guard, "POST", path, good)
	b.want(403, "auth.password", boss, "POST", path, strings.Replace(good, "horse", "house", 1))
	b.want(422, "request.form", boss, "POST", path, `{"password":"x"}`)
	if b.releaser.area != "" {
		t.Fatal("ordered")
	}
	b.releaser.answers = []command.Outcome{
		{Controller: "ctl-1", Done: true, Took: 2500 * time.Microsecond, Command: "C1"}, {Controller: "ctl-2", Refused: "expired", Took: time.Second, Command: "C2"},
	}
	got := b.want(200, "", boss, "POST", path, good)
	want := `{"done":false,"items":[{"controller":"ctl-1","done":true,"took_ms":2.5,"command":"C1"},{"controller":"ctl-2","done":false,"refused":"expired","took_ms":1000,"command":"C2"}]}`
	asked := []string{b.releaser.area, b.releaser.person, b.releaser.reason, b.releaser.actor.ID}
	if strings.TrimSpace(got.text) != want || !slices.Equal(asked, []string{"server-room", "1001", "非常口から退室", "boss"}) {
		t.Errorf("%s, asked %q", got.text, asked)
	}
	b.releaser.answers = b.releaser.answers[:1]
	if got := b.want(200, "", boss, "POST", path, `{"password":"`+password+`","reason":"避難訓練"}`); !strings.Contains(got.text, `{"done":true,`) || b.releaser.person != "" {
		t.Errorf("%s, asked for %q", got.text, b.releaser.person)
	}
	b.releaser.fail = fault.New(fault.Unavailable, "command.no_answer", "none in 10 s")
	b.want(503, "command.no_answer", boss, "POST", path, good)
	if strings.Contains(got.text+b.log.String(), password) {
		t.Error("the password is in an answer or the log")
	}
}
