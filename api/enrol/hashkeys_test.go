package enrol_test

import (
	"crypto/ed25519"
	"testing"

	"kanmon/api/enrol"
	"kanmon/api/sitekey"
	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/internal/store"
)

// opened are the layers in an answer, as a controller that trusts the authority alone would read them.
func (r *rig) opened(b box, k enrol.Keys) int {
	r.t.Helper()
	told := pki.Introduction{Site: "demo", Controller: b.key.Public(), HashKey: k.HashKeys}
	for _, key := range k.CommandKeys {
		told.CommandKeys = append(told.CommandKeys, ed25519.PublicKey(key))
	}
	if err := told.Verify(r.keys.CA().Certificate(), k.Introduction); err != nil {
		r.t.Error(err)
	}
	layers, err := b.box.Open(pki.HashKeyInfo("demo", "ctl-1"), k.HashKeys)
	if err != nil {
		r.t.Error(err)
	}
	return len(layers) / 32
}

// R47-1: who says that it lacks a layer of the credential hash key gets all of them, sealed to the key it is enrolled with, and nobody else does.
func TestAControllerThatLacksALayerOfTheHashKeyGetsThemSealedToItsKey(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		r, b := open(t, d), newBox()
		if _, err := r.enrol.Enrol(t.Context(), "ctl-1", r.token("ctl-1"), b.csr(t, "ctl-1"), b.box.Public()); err != nil {
			t.Fatal(err)
		}
		challenge := ""
		say := func(by pki.SigningKey, has ...string) (enrol.Keys, error) {
			said := pki.Known{Site: "demo", Controller: "ctl-1", HashKeys: has, Challenge: challenge}
			got, err := r.enrol.Keys(t.Context(), said, said.Sign(by))
			if err == nil {
				challenge = got.Challenge
			}
			return got, err
		}
		has := r.keys.HashKeys()
		if got, err := say(b.key, has...); err != nil || len(got.HashKeys)+len(got.Introduction) != 0 {
			t.Fatalf("with nothing new %d bytes, %v", len(got.HashKeys), err)
		}
		if err := r.keys.HashKeyRotation().Take(sitekey.Announce, sitekey.Act{At: r.Clock.Now(), By: "root", Reason: "yearly"}); err != nil {
			t.Fatal(err)
		}
		got, err := say(b.key, has...)
		if err != nil || r.opened(b, got) != 2 {
			t.Fatalf("after the announcement: %v", err)
		}
		if _, err := newBox().box.Open(pki.HashKeyInfo("demo", "ctl-1"), got.HashKeys); err == nil {
			t.Error("opens with another key")
		}
		if _, err := say(pki.NewSigningKey(), has...); fault.KindOf(err) != fault.Denied {
			t.Errorf("said by another key: %v", err)
		}
		if got, err := say(b.key, r.keys.HashKeys()...); err != nil || len(got.HashKeys) != 0 {
			t.Errorf("who has both gets %d bytes, %v", len(got.HashKeys), err)
		}
		renewed, err := r.enrol.Renew(t.Context(), b.csr(t, "ctl-1"))
		if err != nil || r.opened(b, renewed.Keys) != 2 {
			t.Errorf("with a renewal: %v", err)
		}
		all, err := r.Device.Believed(t.Context(), store.System("test"))
		if err != nil || len(all) != 1 || len(all[0].HashKeys) != 2 {
			t.Errorf("the register has %+v, %v", all, err)
		}
	})
}
