package device_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"kanmon/internal/db"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/internal/wire"
	"kanmon/lifecycle/device"
	"kanmon/lifecycle/lifecycletest"
	"kanmon/migrations"
)

func newKey(t *testing.T) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// enrolment is what a controller brings; its token's hash is of the text.
func enrolment(controller, token string, public ed25519.PublicKey) device.Enrolment {
	return device.Enrolment{Controller: controller, TokenHash: lifecycletest.TokenHash(token), Public: public, BoxKey: make([]byte, 32)}
}

func token(t *testing.T, city *lifecycletest.City, controller, text string) {
	t.Helper()
	err := city.Device.NewToken(t.Context(), lifecycletest.Manager, controller, lifecycletest.TokenHash(text), city.Clock.Now().Add(device.TokenTime))
	if err != nil {
		t.Fatal(err)
	}
}

func enrol(t *testing.T, city *lifecycletest.City, controller, text, serial string) ed25519.PublicKey {
	t.Helper()
	token(t, city, controller, text)
	public := newKey(t)
	if err := city.Device.Enroll(t.Context(), enrolment(controller, text, public), city.Certificate(serial)); err != nil {
		t.Fatal(err)
	}
	return public
}

// verified fails the test unless the whole ledger holds.
func verified(t *testing.T, s *store.Store) {
	t.Helper()
	report, err := s.Verify(t.Context())
	if err != nil || !report.OK() {
		t.Fatalf("Verify: %+v, %v", report.Findings, err)
	}
}

// R103-1: every controller is identified by a key; an unknown one is refused. R47-1: who proves what with which key stands in a register.
func TestAControllerIsKnownByTheKeyItWasEnrolledWithAndByNoOther(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		ctx := t.Context()
		for _, name := range []string{"ctl-1", "ctl-2"} {
			c, err := city.Device.AddController(ctx, lifecycletest.Manager, device.NewController{Name: name, Place: "本庁舎"})
			if err != nil || c.State != device.Registered || c.KeyID != "" {
				t.Fatalf("AddController = %+v, %v", c, err)
			}
		}
		lifecycletest.WantFault(t, city.Device.Peer(ctx, "ctl-1", newKey(t)), fault.Denied, "device.not_enrolled")
		public, other := enrol(t, city, "ctl-1", "one", "17"), enrol(t, city, "ctl-2", "two", "18")
		if err := city.Device.Peer(ctx, "ctl-1", public); err != nil {
			t.Fatal(err)
		}
		lifecycletest.WantFault(t, city.Device.Peer(ctx, "ctl-1", other), fault.Denied, "device.other_key")
		lifecycletest.WantFault(t, city.Device.Peer(ctx, "ctl-1", nil), fault.Denied, "device.other_key")
		lifecycletest.WantFault(t, city.Device.Peer(ctx, "ctl-9", public), fault.NotFound, "device.unknown_controller")
		if box, err := city.Device.BoxKey(ctx, "ctl-1"); err != nil || len(box) != 32 {
			t.Fatalf("BoxKey = %x, %v", box, err)
		}
		c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
		want := device.Identity{
			State: device.Enrolled, KeyID: wire.KeyID(public), Fingerprint: "fp 17", CertificateSerial: "17",
			CertificateIssued: city.Clock.Now(), CertificateUntil: city.Clock.Now().AddDate(0, 0, 180),
		}
		if err != nil || c.Identity != want {
			t.Fatalf("identity %+v, %v, want %+v", c.Identity, err, want)
		}
		changes, err := city.Device.IdentityHistory(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil || len(changes) != 2 || changes[0].Actor != "account:manager" || changes[1].Actor != "controller:ctl-1" {
			t.Fatalf("IdentityHistory = %+v, %v", changes, err)
		}
		if shown := fmt.Sprint(changes); strings.Contains(shown, lifecycletest.TokenHash("one")) {
			t.Error("the history shows a token")
		}
		verified(t, city.Store)
	})
}

func TestATokenIsGoodForOneKeyAndOneDay(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		first := newKey(t)
		issued := 0
		count := func() (device.Certificate, error) { issued++; return city.Certificate("20")() }
		token(t, city, "ctl-1", "old")
		token(t, city, "ctl-1", "new") // in place of the old one
		for name, tt := range map[string]struct {
			e    device.Enrolment
			kind fault.Kind
			code string
		}{
			"wrong token":        {enrolment("ctl-1", "guess", first), fault.Unauthenticated, "device.token"},
			"replaced token":     {enrolment("ctl-1", "old", first), fault.Unauthenticated, "device.token"},
			"another's token":    {enrolment("ctl-2", "new", first), fault.Unauthenticated, "device.token"},
			"unknown controller": {enrolment("ctl-9", "new", first), fault.Unauthenticated, "device.token"},
			"no token":           {device.Enrolment{Controller: "ctl-1", Public: first, BoxKey: make([]byte, 32)}, fault.Unauthenticated, "device.token"},
			"short key":          {enrolment("ctl-1", "new", first[:31]), fault.Invalid, "device.public_key"},
			"no box key":         {device.Enrolment{Controller: "ctl-1", TokenHash: lifecycletest.TokenHash("new"), Public: first}, fault.Invalid, "device.public_key"},
			"another's key":      {enrolment("ctl-1", "new", lifecycletest.DeviceKey("ctl-2").Public().(ed25519.PublicKey)), fault.Conflict, "device.key_taken"},
		} {
			t.Run(name, func(t *testing.T) { lifecycletest.WantFault(t, city.Device.Enroll(ctx, tt.e, count), tt.kind, tt.code) })
		}
		if issued != 0 {
			t.Fatalf("%d certificates were issued for nothing", issued)
		}
		failed := errors.New("no entropy")
		if err := city.Device.Enroll(ctx, enrolment("ctl-1", "new", first), func() (device.Certificate, error) { return device.Certificate{}, failed }); !errors.Is(err, failed) {
			t.Fatalf("an issuer that fails: %v", err)
		}
		for range 2 { // the answer to the first may have been lost
			if err := city.Device.Enroll(ctx, enrolment("ctl-1", "new", first), count); err != nil {
				t.Fatal(err)
			}
		}
		lifecycletest.WantFault(t, city.Device.Enroll(ctx, enrolment("ctl-1", "new", newKey(t)), count), fault.Conflict, "device.token_used")
		city.Clock.Pass(device.TokenTime)
		lifecycletest.WantFault(t, city.Device.Enroll(ctx, enrolment("ctl-1", "new", first), count), fault.Unauthenticated, "device.token_expired")
		verified(t, city.Store)
	})
}

func TestATokenLastsADayAtMost(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		now := city.Clock.Now()
		for _, until := range []time.Time{now, now.Add(-time.Hour), now.Add(device.TokenTime + time.Second), {}} {
			err := city.Device.NewToken(t.Context(), lifecycletest.Manager, "ctl-1", "hash", until)
			lifecycletest.WantFault(t, err, fault.Invalid, "device.token_time")
		}
		err := city.Device.NewToken(t.Context(), lifecycletest.Manager, "ctl-9", "hash", now.Add(time.Hour))
		lifecycletest.WantFault(t, err, fault.NotFound, "device.unknown_controller")
		token(t, city, "ctl-1", "x")
		c, err := city.Device.Controller(t.Context(), lifecycletest.Guard, "ctl-1")
		if err != nil || !c.TokenUntil.Equal(now.Add(device.TokenTime)) || c.State != device.Enrolled {
			t.Fatalf("with an open token: %+v, %v", c.Identity, err)
		}
	})
}

// R103-1: what is thrown out is out at once, and comes back only with a new key.
func TestARevokedControllerIsOutAtOnceAndItsKeyForEver(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		public := enrol(t, city, "ctl-1", "one", "21")
		if err := city.Device.Peer(ctx, "ctl-1", public); err != nil { // it is remembered now
			t.Fatal(err)
		}
		record(t, city, "ctl-1", device.Status{Online: true, Start: 1, N: 1}, city.Clock.Now(), true)
		token(t, city, "ctl-1", "spare")
		var told []string
		city.Device.OnRevoked(func(name string) { told = append(told, name) })
		lifecycletest.WantFault(t, city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-1", " "), fault.Invalid, "field.required")
		if err := city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-1", "盗難"); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(told) != "[ctl-1]" {
			t.Errorf("told %v", told)
		}
		lifecycletest.WantFault(t, city.Device.Peer(ctx, "ctl-1", public), fault.Denied, "device.revoked")
		_, err := city.Device.RecordStatus(ctx, "ctl-1", device.Status{Online: true, Start: 1, N: 2}, city.Clock.Now())
		lifecycletest.WantFault(t, err, fault.Denied, "device.revoked")
		lifecycletest.WantFault(t, city.Device.Renewed(ctx, "ctl-1", public, city.Certificate("22")), fault.Denied, "device.revoked")
		lifecycletest.WantFault(t, city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-1", "再"), fault.Conflict, "device.already_revoked")
		for _, text := range []string{"one", "spare"} { // tokens made before are void
			lifecycletest.WantFault(t, city.Device.Enroll(ctx, enrolment("ctl-1", text, public), city.Certificate("23")), fault.Unauthenticated, "device.token")
		}
		c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil || c.Online || c.State != device.Revoked || !c.RevokedAt.Equal(city.Clock.Now()) || c.RevokedReason != "盗難" {
			t.Fatalf("revoked: %+v, %v", c, err)
		}
		token(t, city, "ctl-1", "again")
		lifecycletest.WantFault(t, city.Device.Enroll(ctx, enrolment("ctl-1", "again", public), city.Certificate("24")), fault.Conflict, "device.key_taken")
		if c, err = city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1"); err != nil || c.State != device.Revoked || c.RevokedReason != "盗難" {
			t.Fatalf("with a token: %+v, %v", c.Identity, err)
		}
		back := newKey(t)
		if err := city.Device.Enroll(ctx, enrolment("ctl-1", "again", back), city.Certificate("25")); err != nil {
			t.Fatal(err)
		}
		if err := city.Device.Peer(ctx, "ctl-1", back); err != nil {
			t.Fatal(err)
		}
		record(t, city, "ctl-1", device.Status{Online: true, Start: 1, N: 1}, city.Clock.Now(), true) // another box counts anew
		verified(t, city.Store)
	})
}

func TestAnotherKeyThrowsTheOneBeforeOut(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		before := enrol(t, city, "ctl-1", "one", "31")
		if err := city.Device.Peer(ctx, "ctl-1", before); err != nil {
			t.Fatal(err)
		}
		var told []string
		city.Device.OnRevoked(func(name string) { told = append(told, name) })
		after := enrol(t, city, "ctl-1", "two", "32")
		lifecycletest.WantFault(t, city.Device.Peer(ctx, "ctl-1", before), fault.Denied, "device.other_key")
		if err := city.Device.Peer(ctx, "ctl-1", after); err != nil || fmt.Sprint(told) != "[ctl-1]" {
			t.Fatalf("Peer = %v, told %v", err, told)
		}
	})
}

// R47-1: a certificate is renewed for the key it was for, and for no other.
func TestACertificateIsRenewedForTheSameKey(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		public := enrol(t, city, "ctl-1", "one", "41")
		city.Clock.Pass(200 * 24 * time.Hour) // it has ended, which is no hindrance
		if err := city.Device.Renewed(ctx, "ctl-1", public, city.Certificate("42")); err != nil {
			t.Fatal(err)
		}
		lifecycletest.WantFault(t, city.Device.Renewed(ctx, "ctl-1", newKey(t), city.Certificate("43")), fault.Denied, "device.other_key")
		lifecycletest.WantFault(t, city.Device.Renewed(ctx, "ctl-9", public, city.Certificate("43")), fault.NotFound, "device.unknown_controller")
		c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil || c.CertificateSerial != "42" || !c.CertificateUntil.Equal(city.Clock.Now().AddDate(0, 0, 180)) || c.KeyID != wire.KeyID(public) {
			t.Fatalf("renewed: %+v, %v", c.Identity, err)
		}
		verified(t, city.Store)
	})
}

func TestVoidCertificatesAreThoseOfKeysOutOfForce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t) // each with serial 1 of another key
		ctx := t.Context()
		void := func(at time.Time) string {
			t.Helper()
			list, err := city.Device.VoidCertificates(ctx, at)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, v := range list {
				all = append(all, v.Controller+" "+v.Serial+" "+v.Since.Format("15:04"))
			}
			return strings.Join(all, ", ")
		}
		if got := void(city.Clock.Now()); got != "" {
			t.Fatalf("void at first: %s", got)
		}
		city.Clock.Pass(time.Hour)
		public := enrol(t, city, "ctl-1", "one", "51")
		if err := city.Device.Renewed(ctx, "ctl-1", public, city.Certificate("52")); err != nil {
			t.Fatal(err)
		}
		if got, want := void(city.Clock.Now()), "ctl-1 1 01:00"; got != want {
			t.Fatalf("void after another key: %s, want %s", got, want)
		}
		city.Clock.Pass(time.Hour)
		if err := city.Device.RevokeController(ctx, lifecycletest.Manager, "ctl-1", "盗難"); err != nil {
			t.Fatal(err)
		}
		token(t, city, "ctl-1", "later")
		if got, want := void(city.Clock.Now()), "ctl-1 1 01:00, ctl-1 51 02:00, ctl-1 52 02:00"; got != want {
			t.Fatalf("void after the revocation: %s, want %s", got, want)
		}
		if got := void(city.Clock.Now().AddDate(0, 0, 181)); got != "" {
			t.Fatalf("void after their end: %s", got)
		}
	})
}

func TestANewEpochIsBoundToTheLedgerAndPoliciesBeginAgain(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		city := lifecycletest.Open(t, d)
		city.Found(t)
		ctx := t.Context()
		wanted := func() string {
			c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(c.Wanted)
		}
		before := wanted()
		for _, tt := range []struct{ atLeast, want uint64 }{{0, 2}, {2, 3}, {9, 9}, {4, 10}} {
			if got, err := city.Device.OpenEpoch(ctx, tt.atLeast, "restored"); err != nil || got != tt.want {
				t.Fatalf("OpenEpoch(%d) = %d, %v, want %d", tt.atLeast, got, err, tt.want)
			}
		}
		if got := wanted(); got != "{10 1}" || before == got {
			t.Errorf("wanted %s, before %s", got, before)
		}
		_, err := city.Device.OpenEpoch(ctx, 1<<62, "a lie")
		lifecycletest.WantFault(t, err, fault.Invalid, "device.epoch")
		var rows []string
		err = city.Store.Read(ctx, func(q store.Queryer) error {
			return q.Select(ctx, &rows, `SELECT previous || '-' || epoch || ' ' || reason FROM centre_epoch_opened ORDER BY epoch`)
		})
		if err != nil || fmt.Sprint(rows) != "[1-2 restored 2-3 restored 3-9 restored 9-10 restored]" {
			t.Fatalf("opened %v, %v", rows, err)
		}
		verified(t, city.Store)
	})
}

// A database of the time when controllers had passwords: its rows are bound to the ledger and must hold after the migrations.
func TestADatabaseWithOldSecretsStillVerifies(t *testing.T) {
	dbtest.RunEmpty(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		all := migrations.For(string(d.Dialect()))
		if err := d.Migrate(ctx, upTo(t, all, "0008")); err != nil {
			t.Fatal(err)
		}
		old, err := store.New(d, store.Config{Origin: "kanmon.example/test"})
		if err != nil {
			t.Fatal(err)
		}
		err = old.Write(ctx, store.System("test"), "", func(tx *store.Tx) error {
			if _, err := tx.Version(ctx, "controller", "ctl-1", store.Row{
				store.Col("place", "本庁舎"), store.Col("secret_sha256", strings.Repeat("ab", 32)),
			}, nil); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO controller_policy (controller, n) VALUES ('ctl-1', 1)`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(ctx, all); err != nil {
			t.Fatal(err)
		}
		city := lifecycletest.Open(t, d)
		enrol(t, city, "ctl-1", "one", "1")
		c, err := city.Device.Controller(ctx, lifecycletest.Guard, "ctl-1")
		if err != nil || c.State != device.Enrolled || c.Place != "本庁舎" {
			t.Fatalf("the old controller: %+v, %v", c, err)
		}
		if _, err := city.Device.AddController(ctx, lifecycletest.Manager, device.NewController{Name: "ctl-2", Place: "x"}); err != nil {
			t.Fatal(err)
		}
		verified(t, city.Store)
	})
}

// upTo holds the migrations before and with a number.
func upTo(t *testing.T, all fs.FS, number string) fs.FS {
	t.Helper()
	some := fstest.MapFS{}
	entries, err := fs.ReadDir(all, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name()[:4] > number {
			continue
		}
		text, err := fs.ReadFile(all, e.Name())
		if err != nil {
			t.Fatal(err)
		}
		some[e.Name()] = &fstest.MapFile{Data: text}
	}
	return some
}
