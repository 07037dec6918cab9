package rest_test

import (
	"testing"

	"kanmon/internal/authz"
)

// R44-1, R103-1, R47-1: over the interface a card is given a second credential, one is ended, and a reader is commissioned; no answer holds a number.
func TestCredentialsAndProfilesOverTheInterface(t *testing.T) {
	b := newBench(t)
	boss := b.add("boss", authz.SystemManager)
	b.want(201, "", boss, "POST", "/staff", `{"no":"S1","name":"佐藤 花子"}`)
	one := b.want(201, "", boss, "POST", "/cards", `{"label":"K-1","person":"S1","credential":"bits:26:bdd93740"}`)
	path := "/cards/" + one.json["id"].(string) + "/credentials"
	idm := b.want(201, "", boss, "POST", path, `{"credential":"idm:64:0114b34d5e6f7081"}`)
	b.want(409, "card.credential_taken", boss, "POST", path, `{"credential":"idm:64:0114b34d5e6f7081"}`)
	b.want(409, "card.credential_reversed", boss, "POST", path, `{"credential":"idm:64:81706f5e4db31401"}`)
	b.want(201, "", boss, "POST", path, `{"credential":"idm:64:81706f5e4db31401","different_card":true}`)
	b.want(422, "card.format_kind", boss, "POST", path, `{"credential":"verdict:16:3137"}`)
	b.want(200, "", boss, "POST", path+"/"+idm.json["id"].(string)+"/end", `{"reason":"取り違え"}`)
	items, _ := b.want(200, "", boss, "GET", path, "").json["items"].([]any)
	if len(items) != 3 {
		t.Fatalf("credentials %v", items)
	}
	if first := items[0].(map[string]any); first["format"] != "bits" || first["id"] != "" || len(first) != 4 {
		t.Errorf("the card's own: %v", first)
	}

	b.want(201, "", boss, "POST", "/controllers", `{"name":"ctl-1","place":"1F"}`)
	b.want(201, "", boss, "POST", "/readers", `{"name":"LINE","controller":"ctl-1","kind":"serial_reader"}`)
	b.want(422, "device.no_address", boss, "POST", "/readers", `{"name":"PC","controller":"ctl-1","kind":"pcsc_reader","address":3}`)
	b.want(201, "", boss, "POST", "/areas", `{"id":"hall","name":"ロビー","grade":1,"record":"best_effort"}`)
	door := `{"id":"D-1","name":"入口","area":"hall","controller":"ctl-1","entry_readers":["LINE"],"release_ms":5000,"held_ms":30000}`
	b.want(409, "area.route_unrecorded", boss, "POST", "/doors", door)
	b.want(422, "profile.trust_plain", boss, "PUT", "/readers/ctl-1/LINE/profile", `{"trust":"memory","plain_route":true,"reason":"床下の鋼管"}`)
	set := b.want(200, "", boss, "PUT", "/readers/ctl-1/LINE/profile", `{"trust":"number","plain_route":true,"frames":[{"format":"text"}],"reason":"床下の鋼管"}`)
	if set.json["version"] != 1.0 || set.json["plain_route"] != true {
		t.Errorf("the profile: %v", set.json)
	}
	b.want(201, "", boss, "POST", "/doors", door)
	b.want(404, "device.unknown_reader", boss, "GET", "/readers/ctl-1/NONE/profile", "")

	b.want(201, "", boss, "POST", "/readers", `{"name":"FACE","controller":"ctl-1","kind":"terminal"}`)
	face := b.want(201, "", boss, "POST", "/cards", `{"label":"F-1","person":"S1","kind":"biometric","terminal":"ctl-1/FACE","credential":"verdict:16:3137"}`)
	if face.json["kind"] != "biometric" || face.json["terminal"] != "ctl-1/FACE" {
		t.Errorf("the enrolment: %v", face.json)
	}
}
