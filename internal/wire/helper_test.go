package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"kanmon/internal/access"
	"kanmon/internal/event"
	"kanmon/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// signer holds an Ed25519 key made from a seed of 32 equal bytes.
type signer struct{ private ed25519.PrivateKey }

func seeded(b byte) signer {
	return signer{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))}
}

var (
	device = seeded(1)
	centre = seeded(2)
)

func (s signer) KeyID() string              { return wire.KeyID(s.public()) }
func (s signer) Sign(message []byte) []byte { return ed25519.Sign(s.private, message) }
func (s signer) public() ed25519.PublicKey  { return s.private.Public().(ed25519.PublicKey) }
func (s signer) keys() wire.Keys            { return wire.OneKey(s.public()) }

func address(k wire.Kind) wire.Address {
	return wire.Address{Site: "demo", Controller: "ctl-1", Kind: k}
}

// forge makes an envelope around any bytes by the rule in docs/wire.md, without the code under test.
func forge(at wire.Address, body []byte, by signer) []byte {
	message := fmt.Appendf(nil, "kanmon signed v1\nkanmon/v1/%s/%s/%s\n%s", at.Site, at.Controller, at.Kind, body)
	id := sha256.Sum256(by.public())
	return fmt.Appendf(nil, `{"v":1,"type":"signed","key":"%x","sig":"%s","body":%s}`, id[:8], base64.StdEncoding.EncodeToString(by.Sign(message)), body)
}

// chain encodes n events of an epoch, numbered from first, and returns them with their last link.
func chain(tb testing.TB, prev event.Hash, epoch, first uint64, n int) (raws [][]byte, head event.Hash) {
	tb.Helper()
	head = prev
	for i := range n {
		e := event.Event{
			Epoch: epoch, Seq: first + uint64(i), At: time.Date(2026, 7, 1, 3, 4, int(first+uint64(i))%60, 0, time.UTC), Kind: event.AccessGranted,
			Door: "D-1", Area: "server", Reader: "IN-1", Direction: access.In, Reason: access.Granted, Person: "S-0012", Card: "C-0034",
			Policy: &access.Version{Epoch: 1, N: 42},
		}
		b, err := event.Encode(e)
		if err != nil {
			tb.Fatal(err)
		}
		raws = append(raws, b)
		link := sha256.Sum256(append(head[:], b...))
		head = link
	}
	return raws, head
}

// lost is a revocation of the card with the number n.
func lost(n uint64) access.Revocation {
	return access.Revocation{
		Version: access.Version{Epoch: 1, N: n}, Key: access.Key{0xAA, 31: byte(n)}, Card: fmt.Sprintf("C-%04d", n), State: access.Revoked,
	}
}

// sealedEntry is lost(7) with the seal that openssl made with the centre's key: `openssl pkeyutl -sign -rawin` over the statement in docs/wire.md.
func sealedEntry() access.Revocation {
	r := lost(7)
	r.Seal = "6a3803d5f059902a.BRCAGvOKpuVYDUhAgooF2Ygqkqz1qGdXeu7Ica0m8kooJTYZZ7zcto872GwNzJl_h_VHXKFIi24XCsN64JgDCQ"
	return r
}

func spec() access.Spec {
	return access.Spec{
		Version: access.Version{Epoch: 1, N: 42},
		Lease:   access.Lease{Visitor: 4 * 3600},
		Areas:   []access.Area{{ID: "server", Name: "電子計算機室", Grade: 3, Record: access.Strict}},
		Doors: []access.Door{{
			ID: "D-1", Name: "電子計算機室 入口", Area: "server", EntryReads: []string{"IN-1"}, ExitReads: []string{"OUT-1"}, ReleaseMS: 3000, HeldMS: 20_000,
		}},
		Schedules: []access.Schedule{{
			ID: "weekdays", Name: "平日", Windows: []access.Window{{Day: 1, From: 510, Until: 1035}}, Holidays: true,
			Special: []access.SpecialDay{{Date: "2027-03-28", Windows: []access.Span{{From: 540, Until: 720}}}},
		}},
		Calendar: []string{"2026-07-20", "2026-08-11"}, CalendarUntil: "2028-04-01",
		People: []access.Person{{ID: "S-0012", Until: 1806418800}, {ID: "V-0003", Class: access.Visitor}},
		Credentials: []access.Credential{
			{Key: access.Key{0xDE, 0xAD, 0xBE, 0xEF}, Card: "C-0034", Person: "S-0012", State: access.Active},
		},
		Rights:      []access.Right{{Person: "S-0012", Area: "server", Schedule: "weekdays"}},
		Revocations: []access.Revocation{lost(6)},
	}
}

// later is the policy after spec: one card more, a right gone, a name changed.
func later() access.Spec {
	s := spec()
	s.Version.N = 43
	s.Areas[0].Name = "サーバ室"
	s.Credentials = append(s.Credentials, access.Credential{Key: access.Key{0xC0, 0xFF, 0xEE}, Card: "C-0035", Person: "V-0003", State: access.Active})
	s.Rights = []access.Right{{Person: "V-0003", Area: "server"}}
	s.Revocations = append(s.Revocations, lost(7))
	return s
}

// at is the moment of every example.
var at = time.Date(2026, 7, 1, 3, 4, 5, 678_901_000, time.UTC)

func manifest(tb testing.TB, s access.Spec) wire.Signed {
	tb.Helper()
	m, err := wire.SignPolicy(address(wire.Policy), s, at, centre)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func hash(tb testing.TB, s access.Spec) string {
	tb.Helper()
	h, err := wire.PolicyHash(s)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func split(tb testing.TB, s access.Spec) []wire.PolicyPart {
	tb.Helper()
	parts, err := wire.SplitPolicy(s, manifest(tb, s))
	if err != nil {
		tb.Fatal(err)
	}
	return parts
}

// example is a payload with the topic it came on and who signed it.
type example struct {
	at   wire.Address
	by   signer
	body any // of an envelope; else the payload itself
}

func (e example) payload(tb testing.TB) []byte {
	tb.Helper()
	var b []byte
	var err error
	switch e.at.Kind {
	case wire.Events, wire.Policy, "":
		b, err = wire.Encode(e.body)
	default:
		b, err = wire.Seal(e.at, e.body, e.by)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

const nonce = "00112233445566778899aabbccddeeff"

// examples holds every payload there is, by the name of its golden file.
func examples(tb testing.TB) map[string]example {
	tb.Helper()
	start := event.Start("ctl-1", 7)
	raws, _ := chain(tb, start, 7, 1, 2)
	until := at.AddDate(0, 6, 0)
	up := func(k wire.Kind, body any) example { return example{address(k), device, body} }
	down := func(k wire.Kind, body any) example { return example{address(k), centre, body} }
	broadcast := wire.Address{Site: "demo", Controller: wire.All, Kind: wire.Revoked}
	set := access.Revocations{}
	set.Merge(lost(6), lost(7))
	return map[string]example{
		"events": up(wire.Events, wire.SignBatch(address(wire.Events), wire.NewEventBatch(7, 1, start, raws), device)),
		"live":   up(wire.Live, wire.LiveEvents{V: wire.V, Type: wire.Live, Events: batchOf(raws)}),
		"status": up(wire.Status, wire.ControllerStatus{
			V: wire.V, Type: wire.Status, Online: true, Start: 12, N: 340, Nonce: nonce, At: &at, Epoch: 7, LastSeq: 2, Acked: 2, Kept: 1500, FillPerMil: 15,
			Policy: &access.Version{Epoch: 1, N: 42}, PolicyHash: hash(tb, spec()), Revoked: &access.Version{Epoch: 1, N: 7}, RevokedSum: set.Hash(),
			LeaseAge: 9, LeaseTime: 259200, CertUntil: &until, Software: "kanmon-controller 0.2", Trouble: []string{"clock"},
			Devices: []wire.DeviceStatus{{Name: "IN-1", Online: true, Secure: true}, {Name: "IN-2", Detail: "応答なし"}},
			Doors:   []wire.DoorStatus{{ID: "D-1", State: "locked"}},
		}),
		"offline": {wire.Address{}, device, wire.Offline()},
		"receipt": up(wire.Receipt, wire.RevokedReceipt{
			V: wire.V, Type: wire.Receipt, Upto: access.Version{Epoch: 1, N: 7}, Hash: set.Hash(), AppliedAt: at,
		}),
		"answer_nonce": up(wire.Answer, wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: "cmd-0001", Nonce: nonce}),
		"answer_done":  up(wire.Answer, wire.CommandAnswer{V: wire.V, Type: wire.Answer, ID: "cmd-0001", Done: true}),
		"ack":          down(wire.Ack, wire.NewAck(1, 7, 2)),
		"policy":       down(wire.Policy, split(tb, spec())[0]),
		"delta":        down(wire.Policy, wire.NewDelta(spec(), hash(tb, spec()), later(), manifest(tb, later()))),
		"lease": down(wire.Lease, wire.LeaseGrant{
			V: wire.V, Type: wire.Lease, Nonce: nonce, Centre: 1, Policy: access.Version{Epoch: 1, N: 42}, Revoked: access.Version{Epoch: 1, N: 7}, At: at,
		}),
		"revoked":   {broadcast, centre, wire.NewRevokedSet(6, access.Version{Epoch: 1, N: 7}, []access.Revocation{sealedEntry()})},
		"challenge": down(wire.Command, wire.DoCommand{V: wire.V, Type: wire.Command, ID: "cmd-0001", Op: wire.Challenge}),
		"release": down(wire.Command, wire.DoCommand{
			V: wire.V, Type: wire.Command, ID: "cmd-0001", Op: wire.Release, Nonce: nonce, Door: "D-1", By: "S-0012", Reason: "消防点検",
		}),
	}
}

// openers read every kind; each returns what it read.
var openers = map[wire.Kind]func(at wire.Address, b []byte, keys wire.Keys) (any, error){
	wire.Events: func(at wire.Address, b []byte, keys wire.Keys) (any, error) {
		batch, _, err := wire.DecodeEventBatch(b)
		if err == nil {
			err = wire.VerifyBatch(at, batch, keys)
		}
		return batch, err
	},
	wire.Live: func(at wire.Address, b []byte, keys wire.Keys) (any, error) {
		_, raws, err := wire.OpenLive(at, b, keys)
		return wire.LiveEvents{V: wire.V, Type: wire.Live, Events: batchOf(raws)}, err
	},
	wire.Status:  opener(wire.OpenStatus),
	wire.Receipt: opener(wire.OpenReceipt),
	wire.Answer:  opener(wire.OpenAnswer),
	wire.Ack:     opener(wire.OpenAck),
	wire.Lease:   opener(wire.OpenLease),
	wire.Revoked: opener(wire.OpenRevoked),
	wire.Command: opener(wire.OpenCommand),
	wire.Policy: func(at wire.Address, b []byte, keys wire.Keys) (any, error) {
		m, err := wire.DecodePolicy(at, b, keys)
		switch {
		case err != nil:
			return nil, err
		case m.Delta != nil:
			return *m.Delta, nil
		default:
			return *m.Part, nil
		}
	},
}

func opener[T any](open func(wire.Address, []byte, wire.Keys) (T, error)) func(wire.Address, []byte, wire.Keys) (any, error) {
	return func(at wire.Address, b []byte, keys wire.Keys) (any, error) { return open(at, b, keys) }
}

// open reads a payload as its receiver does.
func (e example) open(b []byte) (any, error) {
	at := e.at
	if at.Kind == "" {
		at = address(wire.Status)
	}
	return openers[at.Kind](at, b, e.by.keys())
}

func golden(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
