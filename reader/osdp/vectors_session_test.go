package osdp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"slices"
	"testing"
)

// clearStatus are libosdp's solicited status replies, sent with the command's block type and unencrypted. Open takes
// them; Seal writes what the protocol says, so they are the only vectors it does not write again.
var clearStatus = []string{"sc/lstatr-48", "sc/istatr-52", "sc/ostatr-56", "sc/rstatr-60", "edges/05-istatr"}

func blockOf(tb testing.TB, key []byte) cipher.Block {
	tb.Helper()
	b, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// sessionAt is one end of a session whose last frame left a chaining value.
func sessionAt(tb testing.TB, v vector, controller bool) *Session {
	tb.Helper()
	return &Session{
		keys: sessionKeys{
			enc: blockOf(tb, v.Keys.SEnc), mac1: blockOf(tb, v.Keys.SMac1), mac2: blockOf(tb, v.Keys.SMac2),
		},
		chain:      chain(v.ChainIn),
		controller: controller,
		replyNext:  v.Direction == "reader->controller",
	}
}

func secured(tb testing.TB) []vector {
	tb.Helper()
	return slices.DeleteFunc(vectors(tb), func(v vector) bool { return v.ChainIn == nil })
}

// R47-1: what crosses the wire is encrypted and authenticated.
func TestSecuredVectorsAreOpened(t *testing.T) {
	vs := secured(t)
	if len(vs) != 72 {
		t.Fatalf("%d secured vectors, want 72", len(vs))
	}
	for _, v := range vs {
		t.Run(v.Name, func(t *testing.T) {
			f := decodeOne(t, v.Hex)
			s := sessionAt(t, v, f.Reply)
			opened, err := s.Open(f)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(opened.Data, *v.Clear) || !bytes.Equal(s.chain[:], v.MAC) {
				t.Errorf("opened as %x, chain %x, want %x, chain %x", opened.Data, s.chain, *v.Clear, v.MAC)
			}
		})
	}
}

func TestSecuredVectorsAreSealedByteForByte(t *testing.T) {
	for _, v := range secured(t) {
		if slices.Contains(clearStatus, v.Name) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			want := decodeOne(t, v.Hex)
			s := sessionAt(t, v, !want.Reply)
			sealed, err := s.Seal(Frame{
				Mark: want.Mark, Address: want.Address, Reply: want.Reply, Seq: want.Seq, Checksum: want.Checksum,
				Code: want.Code, Data: *v.Clear,
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, sealed); !bytes.Equal(got, v.Hex) || !bytes.Equal(s.chain[:], v.MAC) {
				t.Errorf("sealed as %x, chain %x, want %x, chain %x", got, s.chain, v.Hex, v.MAC)
			}
		})
	}
}

func TestClearStatusVectorsAreSealedAsTheProtocolSays(t *testing.T) {
	for _, v := range secured(t) {
		if !slices.Contains(clearStatus, v.Name) {
			continue
		}
		f := decodeOne(t, v.Hex)
		s := sessionAt(t, v, false)
		f.Block, f.Data = NoBlock, *v.Clear
		sealed, err := s.Seal(f)
		if err != nil || sealed.Block != SCS18 || bytes.Contains(sealed.Data, *v.Clear) {
			t.Errorf("%s: sealed as %v, %v", v.Name, sealed, err)
		}
	}
}

func TestDamagedMACOfTheVectorsEndsTheSession(t *testing.T) {
	sentAs := map[string]string{ // what the fault injector put on the wire instead
		"badmac/command/03-poll": "ff53010e000e021560d9847601c317",
		"badmac/reply/02-ack":    "ff53810e000e021640a53a869e13d1",
	}
	for _, v := range secured(t) {
		if sentAs[v.Name] == "" {
			continue
		}
		f := decodeOne(t, unhex(sentAs[v.Name]))
		s := sessionAt(t, v, f.Reply)
		if _, err := s.Open(f); !errors.Is(err, ErrMAC) {
			t.Errorf("%s: %v, want ErrMAC", v.Name, err)
		}
		if !bytes.Equal(s.chain[:], v.ChainIn) {
			t.Errorf("%s: the chain moved", v.Name)
		}
		if _, err := s.Open(decodeOne(t, v.Hex)); !errors.Is(err, ErrEnded) {
			t.Errorf("%s: a second guess gave %v, want ErrEnded", v.Name, err)
		}
	}
}

// The handshakes on the wire, keyed by the vector in which each one starts. Both ends are given the random numbers
// that the peers drew, and must write the same bytes.
func TestHandshakeVectorsAreWrittenByBothEnds(t *testing.T) {
	for _, start := range []string{
		"sc/05-chlng", "sc/rekey-chlng", "install/07-chlng", "install/13-chlng", "edges/01-chlng", "checksum-sc/05-chlng",
		"attack/key-given-away/07-chlng", "attack/key-given-away/13-chlng",
	} {
		t.Run(start, func(t *testing.T) {
			all := vectors(t)
			i := slices.IndexFunc(all, func(v vector) bool { return v.Name == start })
			vs := all[i : i+4]
			key := keyOf(t, vs[2])
			chlng, ccrypt, scrypt, rmac := decodeOne(t, vs[0].Hex), decodeOne(t, vs[1].Hex), decodeOne(t, vs[2].Hex), decodeOne(t, vs[3].Hex)

			h, err := NewControllerHandshake(key, RND(vs[2].Keys.RNDA))
			if err != nil {
				t.Fatal(err)
			}
			sameOnWire(t, placed(h.Challenge(), chlng), vs[0])
			proof, err := h.Prove(ccrypt)
			if err != nil {
				t.Fatal(err)
			}
			sameOnWire(t, placed(proof.Command(), scrypt), vs[2])
			controller, err := proof.Finish(rmac)
			if err != nil {
				t.Fatal(err)
			}

			d, reply, err := AnswerChallenge(key, proof.ClientUID(), RND(vs[2].Keys.RNDB), chlng)
			if err != nil {
				t.Fatal(err)
			}
			sameOnWire(t, reply, vs[1])
			device, reply, err := d.Finish(scrypt)
			if err != nil {
				t.Fatal(err)
			}
			sameOnWire(t, reply, vs[3])
			if controller.chain != device.chain {
				t.Errorf("chains differ: %x and %x", controller.chain, device.chain)
			}
		})
	}
}

// placed puts a handshake command where a vector has it.
func placed(f, where Frame) Frame {
	f.Mark, f.Address, f.Seq, f.Checksum = where.Mark, where.Address, where.Seq, where.Checksum
	return f
}

func sameOnWire(tb testing.TB, f Frame, v vector) {
	tb.Helper()
	if got := encode(tb, f); !bytes.Equal(got, v.Hex) {
		tb.Errorf("%s written as %x, want %x", v.Name, got, v.Hex)
	}
}

func keyOf(tb testing.TB, v vector) Key {
	tb.Helper()
	if string(v.Keys.SCBK) == "0123456789:;<=>?" {
		return DefaultKey()
	}
	k, err := NewKey(v.Keys.SCBK)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}
