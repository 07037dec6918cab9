package osdp

import (
	"errors"
	"slices"
	"testing"
	"testing/iotest"
)

func testKey(tb testing.TB) Key {
	tb.Helper()
	k, err := ParseKey("5c9a1e77d3046bf82b60c4e991a73d0f")
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// agree runs a whole handshake in memory. Either end may change what it hears.
func agree(key, deviceKey Key, hear func(*Frame)) (controller, device *Session, err error) {
	h, err := NewControllerHandshake(key, RND{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil {
		return nil, nil, err
	}
	chlng := h.Challenge()
	hear(&chlng)
	d, ccrypt, err := AnswerChallenge(deviceKey, ClientUID{9}, RND{8, 7, 6, 5, 4, 3, 2, 1}, chlng)
	if err != nil {
		return nil, nil, err
	}
	hear(&ccrypt)
	proof, err := h.Prove(ccrypt)
	if err != nil {
		return nil, nil, err
	}
	scrypt := proof.Command()
	hear(&scrypt)
	device, rmac, err := d.Finish(scrypt)
	if err != nil {
		return nil, nil, err
	}
	hear(&rmac)
	controller, err = proof.Finish(rmac)
	return controller, device, err
}

// sessions returns both ends of a new session.
func sessions(tb testing.TB) (controller, device *Session) {
	tb.Helper()
	c, d, err := agree(testKey(tb), testKey(tb), func(*Frame) {})
	if err != nil {
		tb.Fatal(err)
	}
	return c, d
}

// R47-1: both ends prove the key, and whatever is changed on the way ends the handshake.
func TestHandshakeFailsWhenAnythingIsChanged(t *testing.T) {
	is := func(f *Frame, reply bool, code Code) bool { return f.Reply == reply && f.Code == code }
	flip := func(reply bool, code Code, at int) func(*Frame) {
		return func(f *Frame) {
			if is(f, reply, code) {
				f.Data[at] ^= 1
			}
		}
	}
	change := func(reply bool, code Code, how func(*Frame)) func(*Frame) {
		return func(f *Frame) {
			if is(f, reply, code) {
				how(f)
			}
		}
	}
	for _, x := range []struct {
		name string
		hear func(*Frame)
		want error
	}{
		{"RND.A that counts", flip(false, CmdChallenge, 0), ErrCryptogram},
		{"last byte of RND.A", flip(false, CmdChallenge, 7), ErrCryptogram},
		{"RND.B", flip(true, ReplyClientCryptogram, 8), ErrCryptogram},
		{"client cryptogram", flip(true, ReplyClientCryptogram, 31), ErrCryptogram},
		{"server cryptogram", flip(false, CmdServerCryptogram, 15), ErrCryptogram},
		{"R-MAC-I", flip(true, ReplyInitialMAC, 0), ErrCryptogram},
		{"challenge asks for the default key", change(false, CmdChallenge, func(f *Frame) { f.BlockData[0] = selectDefault }), ErrKey},
		{"device speaks of the default key", change(true, ReplyClientCryptogram, func(f *Frame) { f.BlockData[0] = selectDefault }), ErrKey},
		{"proof under the default key", change(false, CmdServerCryptogram, func(f *Frame) { f.BlockData[0] = selectDefault }), ErrKey},
		{"device refuses", change(true, ReplyInitialMAC, func(f *Frame) { f.BlockData[0] = 0xFF }), ErrKey},
		{"challenge without a block", change(false, CmdChallenge, func(f *Frame) { f.Block, f.BlockData = NoBlock, nil }), ErrBlock},
		{"challenge in another block", change(false, CmdChallenge, func(f *Frame) { f.Block = SCS13 }), ErrBlock},
		{"challenge with two selectors", change(false, CmdChallenge, func(f *Frame) { f.BlockData = []byte{1, 1} }), ErrBlock},
		{"answer in clear", change(true, ReplyClientCryptogram, func(f *Frame) { f.Block, f.BlockData = NoBlock, nil }), ErrBlock},
		{"another answer", change(true, ReplyClientCryptogram, func(f *Frame) { f.Code = ReplyAck }), ErrBlock},
		{"own challenge echoed", change(true, ReplyClientCryptogram, func(f *Frame) { f.Reply = false }), ErrBlock},
		{"short challenge", change(false, CmdChallenge, func(f *Frame) { f.Data = f.Data[:7] }), ErrLength},
		{"long answer", change(true, ReplyClientCryptogram, func(f *Frame) { f.Data = append(f.Data, 0) }), ErrLength},
		{"empty answer", change(true, ReplyClientCryptogram, func(f *Frame) { f.Data = nil }), ErrLength},
		{"short proof", change(false, CmdServerCryptogram, func(f *Frame) { f.Data = f.Data[:15] }), ErrLength},
		{"long R-MAC-I", change(true, ReplyInitialMAC, func(f *Frame) { f.Data = append(f.Data, 0) }), ErrLength},
	} {
		t.Run(x.name, func(t *testing.T) {
			c, _, err := agree(testKey(t), testKey(t), x.hear)
			if !errors.Is(err, x.want) || c != nil {
				t.Errorf("session %v, error %v, want %v", c, err, x.want)
			}
		})
	}
}

func TestHandshakeTakesBothFormsOfAccepted(t *testing.T) {
	for _, status := range []byte{0x00, 0x01} {
		_, _, err := agree(testKey(t), testKey(t), func(f *Frame) {
			if f.Code == ReplyInitialMAC {
				f.BlockData[0] = status
			}
		})
		if err != nil {
			t.Errorf("status %02x: %v", status, err)
		}
	}
}

// R103-1: a device is who holds its key; any other is refused.
func TestHandshakeNeedsOneKeyAtBothEnds(t *testing.T) {
	other, err := ParseKey("d2f04b8861c73e95aa1709bc5ed3860c")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name               string
		controller, device Key
		want               error
	}{
		{"different keys", testKey(t), other, ErrCryptogram},
		{"controller without a key", Key{}, other, ErrKey},
		{"device without a key", testKey(t), Key{}, ErrKey},
		{"device in install mode", testKey(t), DefaultKey(), ErrKey},
		{"controller asks a keyed device for the default key", DefaultKey(), other, ErrKey},
	} {
		if _, _, err := agree(x.controller, x.device, func(*Frame) {}); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, err, x.want)
		}
	}
}

// A reader that knows only the public key answered libosdp's controller, which then handed over the real one. Here the
// controller stops at the answer.
func TestReaderWithOnlyTheDefaultKeyIsRefused(t *testing.T) {
	vs := group(t, "attack/key-given-away/")
	h, err := NewControllerHandshake(testKey(t), RND(vs[4].Keys.RNDA))
	if err != nil {
		t.Fatal(err)
	}
	sameOnWire(t, placed(h.Challenge(), decodeOne(t, vs[4].Hex)), vs[4])
	for _, v := range []vector{vs[5], vs[7]} {
		if _, err := h.Prove(decodeOne(t, v.Hex)); !errors.Is(err, ErrKey) {
			t.Errorf("%s: %v, want ErrKey", v.Name, err)
		}
	}
	forged := decodeOne(t, vs[5].Hex) // the same answer, lying about the selector
	forged.BlockData[0] = selectOwn
	if _, err := h.Prove(forged); !errors.Is(err, ErrCryptogram) {
		t.Errorf("forged selector: %v, want ErrCryptogram", err)
	}
}

// In the install recordings a reader in install mode answers a challenge for a key it does not have.
func TestReaderInInstallModeDoesNotPassForAKeyedOne(t *testing.T) {
	vs := group(t, "install/")
	i := slices.IndexFunc(vs, func(v vector) bool { return v.Name == "install/05-chlng" })
	h, err := NewControllerHandshake(testKey(t), RND(vs[i].Keys.RNDA))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Prove(decodeOne(t, vs[i+1].Hex)); !errors.Is(err, ErrCryptogram) {
		t.Errorf("%v, want ErrCryptogram", err)
	}
	if _, _, err := AnswerChallenge(DefaultKey(), ClientUID{}, RND{}, decodeOne(t, vs[i].Hex)); !errors.Is(err, ErrKey) {
		t.Errorf("a device in install mode: %v, want ErrKey", err)
	}
}

func TestRandomSourceThatFailsGivesNothing(t *testing.T) {
	broken := iotest.ErrReader(errors.New("no entropy"))
	if _, err := NewRND(broken); err == nil {
		t.Error("a random number without randomness")
	}
	if _, err := GenerateKey(broken); err == nil {
		t.Error("a key without randomness")
	}
}
