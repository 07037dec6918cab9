package rest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kanmon/api/rest"
	"kanmon/internal/authz"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
	"kanmon/lifecycle/device"
)

// enrolment stands in for the service behind the interface; tokens it keeps in the real register.
type enrolment struct {
	devices *device.Register
	fail    error // of the next attempts
	known   bool  // the requests are by an enrolled key
	got     struct {
		controller, token string
		csr, box          []byte
	}
}

func (e *enrolment) Token(ctx context.Context, actor store.Actor, controller string) (pki.Token, time.Time, error) {
	token, expires := pki.NewToken(strings.Repeat("ab", 16)), time.Now().Add(pki.TokenTime-time.Minute).Truncate(time.Microsecond)
	return token, expires, e.devices.NewToken(ctx, actor, controller, token.Hash(), expires)
}

func (*enrolment) Fingerprint() string { return "0f1e 2d3c" }

func (e *enrolment) Enrol(_ context.Context, controller, token string, csr, box []byte) (rest.Enrolled, error) {
	e.got.controller, e.got.token, e.got.csr, e.got.box = controller, token, csr, box
	if e.fail != nil {
		return rest.Enrolled{}, e.fail
	}
	return rest.Enrolled{
		Site: "demo", Controller: controller, Certificate: "PEM", CA: "PEM of CA", CommandKeys: [][]byte{[]byte("key")}, HashKey: []byte("sealed"),
		Introduction: []byte("word"), BrokerURL: "tls://broker:8883",
	}, nil
}

func (e *enrolment) Known(context.Context, []byte) bool { return e.known }

func (e *enrolment) Says(context.Context, rest.Known, []byte) bool { return e.known }

func (e *enrolment) Keys(_ context.Context, said rest.Known, sig []byte) (rest.Keys, error) {
	e.got.controller, e.got.token = said.Controller, strings.Join(said.CommandKeys, " ")+" "+said.Issuer+" "+strings.Join(said.HashKeys, " ")+" "+string(sig)
	return keysAnswer("old"), e.fail
}

func (e *enrolment) Renew(_ context.Context, csr []byte) (rest.Renewed, error) {
	e.got.csr = csr
	return rest.Renewed{Certificate: "PEM 2", CA: "PEM of CA", Keys: keysAnswer("older")}, e.fail
}

// keysAnswer has one list announced by a key.
func keysAnswer(by string) rest.Keys {
	key := [][]byte{[]byte("key")}
	return rest.Keys{
		CommandKeys: key, Announced: []rest.Announcement{{Keys: key, Key: by, Sig: []byte("sig")}}, Authorities: key,
		AnnouncedAuthorities: []rest.Announcement{}, Challenge: "next", Heard: true, Issuer: "pin", HashKeys: []byte("sealed"), Introduction: []byte("word"),
	}
}

const (
	keysBody = `{"controller":"ctl-1","command_keys":["k1","k2"],"authorities":[],"issuer":"pin","hash_keys":["h1"],"challenge":"","sig":"c2ln"}`
	keysText = `"command_keys":["a2V5"],"announced":[{"keys":["a2V5"],"key":"%s","sig":"c2ln"}],"authorities":["a2V5"],"announced_authorities":[],"issuer":"pin","hash_keys":"c2VhbGVk","introduction":"d29yZA==","challenge":"next","heard":true}`
)

func enrolBody() string {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`{"controller":"ctl-1","token":"abcde-fghjk.00","csr":%q,"box_key":%q}`, b64([]byte("csr")), b64(make([]byte, 32)))
}

// R103-1: an enrolment token is shown to its maker once, is kept only as a hash, and is nobody's to make but a system manager's.
func TestAnEnrolmentTokenIsShownOnceAndNeverKept(t *testing.T) {
	b := newBench(t)
	boss, security := b.add("boss", authz.SystemManager), b.add("security", authz.SecurityManager)
	made := b.want(201, "", boss, "POST", "/controllers", `{"name":"ctl-1","place":"1F"}`)
	if _, there := made.json["secret"]; there || made.json["state"] != "registered" {
		t.Errorf("registered: %s", made.text)
	}
	b.want(403, "auth.denied", security, "POST", "/controllers/ctl-1/token", "")
	b.want(404, "device.unknown_controller", boss, "POST", "/controllers/ctl-9/token", "")
	got := b.want(201, "", boss, "POST", "/controllers/ctl-1/token", "")
	token, _ := got.json["token"].(string)
	if parsed, err := pki.ParseToken(token); err != nil || parsed.IsZero() || got.header.Get("Cache-Control") != "no-store" ||
		got.json["ca_fingerprint"] != "0f1e 2d3c" {
		t.Fatalf("%v: %s", err, got.text)
	}
	list := b.want(200, "", boss, "GET", "/controllers", "")
	secret, _, _ := strings.Cut(token, ".")
	if strings.Contains(list.text+b.log.String()+databaseText(t, b), secret) || !strings.Contains(list.text, `"token_until"`) {
		t.Errorf("the token is found again, or its end is not told: %s", list.text)
	}
}

// R103-1: a controller that is thrown out is thrown out at once and says so in the list.
func TestAControllerIsThrownOut(t *testing.T) {
	b := newBench(t)
	boss, guard := b.add("boss", authz.SystemManager), b.add("guard", authz.Guard)
	b.want(201, "", boss, "POST", "/controllers", `{"name":"ctl-1","place":"1F"}`)
	told := ""
	b.devices.OnRevoked(func(name string) { told = name })
	b.want(403, "auth.denied", guard, "POST", "/controllers/ctl-1/revoke", `{"reason":"盗難"}`)
	b.want(422, "request.form", boss, "POST", "/controllers/ctl-1/revoke", `{"reason":""}`)
	b.want(204, "", boss, "POST", "/controllers/ctl-1/revoke", `{"reason":"盗難"}`)
	b.want(409, "device.already_revoked", boss, "POST", "/controllers/ctl-1/revoke", `{"reason":"盗難"}`)
	got := b.want(200, "", boss, "GET", "/controllers", "")
	if told != "ctl-1" || !strings.Contains(got.text, `"state":"revoked"`) || !strings.Contains(got.text, `"revoked_reason":"盗難"`) {
		t.Errorf("told %q: %s", told, got.text)
	}
}

func TestAControllerGetsWhatTheServiceGives(t *testing.T) {
	b := newBench(t)
	got := b.want(201, "", "", "POST", "/enrol", enrolBody())
	sent := b.enrolment.got
	if sent.controller != "ctl-1" || sent.token != "abcde-fghjk.00" || string(sent.csr) != "csr" || len(sent.box) != 32 {
		t.Errorf("handed on: %+v", sent)
	}
	want := `{"site":"demo","controller":"ctl-1","certificate":"PEM","ca":"PEM of CA","command_keys":["a2V5"],"hash_key":"c2VhbGVk","introduction":"d29yZA==","broker_url":"tls://broker:8883"}`
	if strings.TrimSpace(got.text) != want || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got  %s\nwant %s", got.text, want)
	}
	got = b.want(200, "", "", "POST", "/enrol/renew", `{"csr":"AAAA"}`)
	if strings.TrimSpace(got.text) != `{"certificate":"PEM 2","ca":"PEM of CA",`+fmt.Sprintf(keysText, "older") {
		t.Errorf("renewed: %s", got.text)
	}
	got = b.want(200, "", "", "POST", "/enrol/keys", keysBody)
	if strings.TrimSpace(got.text) != "{"+fmt.Sprintf(keysText, "old") {
		t.Errorf("keys: %s", got.text)
	}
	if sent := b.enrolment.got; sent.controller != "ctl-1" || sent.token != "k1 k2 pin h1 sig" {
		t.Errorf("handed on: %+v", sent)
	}
}

// R103-1: an unknown controller, a wrong, old or used token, a key that is taken and a bad request are the same answer, byte for byte.
func TestARefusedEnrolmentDoesNotSayWhy(t *testing.T) {
	for path, body := range map[string]string{"/enrol": enrolBody(), "/enrol/renew": `{"csr":"AAAA"}`, "/enrol/keys": keysBody} {
		b := newBench(t)
		var first reply
		for i, err := range []error{
			fault.New(fault.Unauthenticated, "device.token", "no such controller, or not its token"), fault.New(fault.Unauthenticated, "device.token_expired", "the token ended"),
			fault.New(fault.Conflict, "device.token_used", "used"), fault.New(fault.Conflict, "device.key_taken", "taken"), fault.New(fault.NotFound, "device.unknown_controller", "none"),
			fault.New(fault.Denied, "device.revoked", "revoked"), fault.New(fault.Invalid, "pki.csr", "no request"), fault.BadField("box_key", "device.public_key", "short"),
			fault.New(fault.TooLarge, "", "large"),
		} {
			b.enrolment.fail = fmt.Errorf("enrol: %w", err)
			got := b.want(403, "", "", "POST", path, body)
			if i == 0 {
				first = got
			}
			if got.text != first.text {
				t.Errorf("%s: %v answers %s, the first %s", path, err, got.text, first.text)
			}
			if !strings.Contains(b.log.String(), err.Error()) {
				t.Errorf("%s: the log does not say %q", path, err)
			}
		}
		b.enrolment.fail = fault.New(fault.Unavailable, "db.busy", "busy")
		b.want(503, "db.busy", "", "POST", path, body)
	}
}

// R111-1
func TestAnEnrolmentOutOfFormIsRefusedBeforeTheService(t *testing.T) {
	b := newBench(t)
	for _, body := range []string{
		``, `{}`, `[]`, strings.Replace(enrolBody(), `"csr":"`, `"csr":"!`, 1), strings.Replace(enrolBody(), `}`, `,"extra":1}`, 1),
		strings.Replace(enrolBody(), `"token":"`, `"token":"`+strings.Repeat("a", 200), 1),
		strings.Replace(enrolBody(), `"csr":"`, `"csr":"`+strings.Repeat("AAAA", 4000), 1), strings.Replace(enrolBody(), `"controller"`, `"box_key":"AAAA","controller"`, 1),
	} {
		if got := b.call("", "POST", "/enrol", body); (got.status != 422 && got.status != 400) || b.enrolment.got.controller != "" {
			t.Errorf("%.80s: %d %s", body, got.status, got.text)
		}
	}
}

func TestAnAddressThatGuessesHasToWait(t *testing.T) {
	b := newBench(t)
	for range 100 { // who succeeds is never slowed down
		b.want(201, "", "", "POST", "/enrol", enrolBody())
	}
	b.enrolment.fail = fault.New(fault.Unauthenticated, "device.token", "wrong")
	for range 30 {
		b.want(403, "enrol.token", "", "POST", "/enrol", enrolBody())
	}
	got := b.want(429, "", "", "POST", "/enrol", enrolBody())
	if got.header.Get("Retry-After") != "2" {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
	b.want(429, "", "", "POST", "/enrol/renew", `{"csr":"AAAA"}`)
	var out map[string]any
	if err := json.Unmarshal([]byte(got.text), &out); err != nil || out["status"] != 429.0 {
		t.Errorf("%s", got.text)
	}
}

// A renewal by a key that is enrolled needs no attempt: whoever shares the address, and has spent them all, keeps no controller from renewing.
func TestAnEnrolledKeyRenewsAndAsksWhenItsAddressHasNoAttemptsLeft(t *testing.T) {
	b := newBench(t)
	b.enrolment.fail = fault.New(fault.Unauthenticated, "device.token", "wrong")
	for range 30 {
		b.want(403, "enrol.token", "", "POST", "/enrol", enrolBody())
	}
	b.enrolment.fail = nil
	b.want(429, "", "", "POST", "/enrol/renew", `{"csr":"AAAA"}`)
	b.enrolment.known = true
	b.want(200, "", "", "POST", "/enrol/renew", `{"csr":"AAAA"}`)
	b.want(200, "", "", "POST", "/enrol/keys", keysBody)
	b.want(429, "", "", "POST", "/enrol", enrolBody())
}
