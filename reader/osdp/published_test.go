package osdp

import (
	"bytes"
	"testing"
)

// Worked examples: the first handshake has the numbers published with the standard (annex E), the rest were taken
// from a wire and recomputed by two programs that share nothing with this package.

var published = []struct {
	name                  string
	key                   func() (Key, error)
	rndA, rndB, uid       string
	enc, mac1, mac2       string
	client, server, first string
	chlng, ccrypt, scrypt string
	rmac                  string
}{
	{
		name: "annex E under the default key", key: func() (Key, error) { return DefaultKey(), nil },
		rndA: "b0b1b2b3b4b5b6b7", rndB: "a0a1a2a3a4a5a6a7", uid: "123422000d0c0b0a",
		enc: "bf8dc2a8329acb8c67c6d0cd9a451682", mac1: "5e86c676603bdee2d8beafe178637332", mac2: "6fda86e857777e81132035758239172e",
		client: "fde5d2f428ec16312471ea3c02bd7796", server: "26d3356e07762d262801fc8e6665a891", first: "b2a30057eb98ba2229ec1f875662b524",
		chlng:  "ff 530113000d03110076 b0b1b2b3b4b5b6b7 15df",
		ccrypt: "ff 53812b000d03120076 123422000d0c0b0a a0a1a2a3a4a5a6a7 fde5d2f428ec16312471ea3c02bd7796 c793",
		scrypt: "ff 53011b000e03130077 26d3356e07762d262801fc8e6665a891 4383",
		rmac:   "ff 53811b000e03140178 b2a30057eb98ba2229ec1f875662b524 6ddc",
	},
	{
		name: "own key", key: func() (Key, error) { return ParseKey("5c9a1e77d3046bf82b60c4e991a73d0f") },
		rndA: "b0b1b2b3b4b5b6b7", rndB: "a0a1a2a3a4a5a6a7", uid: "123422000d0c0b0a",
		enc: "6c93eba5dc640ecb6ab814dce14438e3", mac1: "928260de9ef6514dddf7d215785dcd93", mac2: "2f9b9c74e2d4587873ded1c65b63e462",
		client: "c1e473d7146ac7487bdc6773cb7e514e", server: "cf6eb4e350b6da27d57ca78db76dbc37", first: "fb8f5168e99b4e4cb881025b2746a1ad",
		chlng:  "ff 530113000c03110176 b0b1b2b3b4b5b6b7 33f5",
		ccrypt: "ff 53812b000c03120176 123422000d0c0b0a a0a1a2a3a4a5a6a7 c1e473d7146ac7487bdc6773cb7e514e 39cb",
		scrypt: "ff 53011b000d03130177 cf6eb4e350b6da27d57ca78db76dbc37 aa87",
		rmac:   "ff 53811b000d03140178 fb8f5168e99b4e4cb881025b2746a1ad 703e",
	},
}

func TestPublishedHandshakesAreReproduced(t *testing.T) {
	for _, p := range published {
		t.Run(p.name, func(t *testing.T) {
			key, err := p.key()
			if err != nil {
				t.Fatal(err)
			}
			rndA, rndB := RND(unhex(p.rndA)), RND(unhex(p.rndB))
			keys, err := deriveKeys(key, rndA)
			if err != nil {
				t.Fatal(err)
			}
			sameKey(t, "S-ENC", keys.enc, p.enc)
			sameKey(t, "S-MAC1", keys.mac1, p.mac1)
			sameKey(t, "S-MAC2", keys.mac2, p.mac2)
			client, server := keys.cryptogram(rndA, rndB), keys.cryptogram(rndB, rndA)
			first := keys.initialMAC(server)
			sameHex(t, "client cryptogram", client[:], p.client)
			sameHex(t, "server cryptogram", server[:], p.server)
			sameHex(t, "R-MAC-I", first[:], p.first)

			h, err := NewControllerHandshake(key, rndA)
			if err != nil {
				t.Fatal(err)
			}
			chlng := placed(h.Challenge(), decodeOne(t, unhex(p.chlng)))
			sameHex(t, "CHLNG", encode(t, chlng), p.chlng)
			d, ccrypt, err := AnswerChallenge(key, ClientUID(unhex(p.uid)), rndB, chlng)
			if err != nil {
				t.Fatal(err)
			}
			sameHex(t, "CCRYPT", encode(t, ccrypt), p.ccrypt)
			proof, err := h.Prove(ccrypt)
			if err != nil {
				t.Fatal(err)
			}
			scrypt := placed(proof.Command(), decodeOne(t, unhex(p.scrypt)))
			sameHex(t, "SCRYPT", encode(t, scrypt), p.scrypt)
			_, rmac, err := d.Finish(scrypt)
			if err != nil {
				t.Fatal(err)
			}
			sameHex(t, "RMAC_I", encode(t, rmac), p.rmac)
			if _, err := proof.Finish(rmac); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func sameHex(tb testing.TB, what string, got []byte, want string) {
	tb.Helper()
	if !bytes.Equal(got, unhex(want)) {
		tb.Errorf("%s is %x, want %s", what, got, want)
	}
}

// sameKey compares a block cipher with the key it should have, by what they make of one block.
func sameKey(tb testing.TB, what string, got interface{ Encrypt(dst, src []byte) }, key string) {
	tb.Helper()
	var a, b [16]byte
	got.Encrypt(a[:], a[:])
	blockOf(tb, unhex(key)).Encrypt(b[:], b[:])
	if a != b {
		tb.Errorf("%s is not %s", what, key)
	}
}

// ownKeySession is one end of the session that the second published handshake leads to, at a chaining value.
func ownKeySession(tb testing.TB, controller bool, from string) *Session {
	tb.Helper()
	key, err := ParseKey("5c9a1e77d3046bf82b60c4e991a73d0f")
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := deriveKeys(key, RND(unhex("b0b1b2b3b4b5b6b7")))
	if err != nil {
		tb.Fatal(err)
	}
	return &Session{keys: keys, chain: chain(unhex(from)), controller: controller}
}

func TestThreeSecuredPollsContinueOneChain(t *testing.T) {
	controller := ownKeySession(t, true, "fb8f5168e99b4e4cb881025b2746a1ad")
	device := ownKeySession(t, false, "fb8f5168e99b4e4cb881025b2746a1ad")
	for _, x := range []struct {
		seq                        uint8
		poll, pollMAC, ack, ackMAC string
	}{
		{2, "ff 53010e000e021560 d88f97f5 9e1d", "d88f97f528ac06f675bd78b6d74fde20", "ff 53810e000e021640 5c2132e6 ed23", "5c2132e6f00e387d145a21b761a1f49f"},
		{3, "ff 53010e000f021560 78a4060f 83a3", "78a4060faabffb50ee07324a5ed7af8a", "ff 53810e000f021640 079f6c26 181e", "079f6c26d099ad9f3f45a28fef13f4af"},
		{1, "ff 53010e000d021560 63d5a919 12b9", "63d5a9196d1230dbd916b3753d6dbf5d", "ff 53810e000d021640 6c7fbf5d caf9", "6c7fbf5dc3c7b40475041d87a6dedf15"},
	} {
		poll, err := controller.Seal(Frame{Mark: true, Address: 1, Seq: x.seq, Code: CmdPoll})
		if err != nil {
			t.Fatal(err)
		}
		sameHex(t, "POLL", encode(t, poll), x.poll)
		sameHex(t, "MAC of POLL", controller.chain[:], x.pollMAC)
		opened, err := device.Open(poll)
		if err != nil {
			t.Fatal(err)
		}
		ack, err := device.Seal(opened.Answer(ReplyAck, nil))
		if err != nil {
			t.Fatal(err)
		}
		sameHex(t, "ACK", encode(t, ack), x.ack)
		sameHex(t, "MAC of ACK", device.chain[:], x.ackMAC)
		if _, err := controller.Open(ack); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWorkedFramesAreSealed(t *testing.T) {
	for _, x := range []struct {
		name, from, clear, wire string
		frame                   Frame
	}{
		{
			"LED, two MAC blocks", "cf68fcefbe8082211fcb79201278f0cd", "0000020505010214000101000200",
			"ff 53011e000e021769 f8eb8b6d3a78088fb594de72794a29a3 0a1017cb 6506",
			Frame{Mark: true, Address: 1, Seq: 2, Code: CmdLED},
		},
		{
			"TEXT, three MAC blocks", "4e21e1bd97ab65bd3b3a2f25a2d80718", "00010001010e414343455353204752414e544544",
			"ff 53012e000d02176b 9887a4353378519432c73e31648c588a7eafdff0d1447415ba40aac3e09afec3 1230dd3b 3016",
			Frame{Mark: true, Address: 1, Seq: 1, Code: CmdText},
		},
		{
			"RAW reply of 26 bits", "e812ea0b18c936b4cc3af10fb1526063", "00011a00bdd93740",
			"ff 53811e000e021850 dd5c534b664bb52a5a45309a60c12223 bc4ab4f5 3cfe",
			Frame{Mark: true, Address: 1, Reply: true, Seq: 2, Code: ReplyRaw},
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := ownKeySession(t, !x.frame.Reply, x.from)
			s.replyNext = x.frame.Reply
			x.frame.Data = unhex(x.clear)
			sealed, err := s.Seal(x.frame)
			if err != nil {
				t.Fatal(err)
			}
			sameHex(t, "frame", encode(t, sealed), x.wire)
			other := ownKeySession(t, x.frame.Reply, x.from)
			other.replyNext = x.frame.Reply
			opened, err := other.Open(sealed)
			if err != nil {
				t.Fatal(err)
			}
			sameHex(t, "clear data", opened.Data, x.clear)
		})
	}
}

// A status reply whose MAC covers exactly sixteen bytes, and a RAW whose data is exactly sixteen: the MAC appends
// nothing, the encryption always a block.
func TestFullBlocksArePaddedForEncryptionOnly(t *testing.T) {
	for _, v := range secured(t) {
		f := decodeOne(t, v.Hex)
		switch v.Name {
		case "edges/05-istatr":
			if n := len(f.appendAuthenticated(nil)); n != 16 {
				t.Errorf("MAC input of %d bytes, want 16", n)
			}
		case "edges/06-raw":
			if len(*v.Clear) != 16 || len(f.Data) != 32 {
				t.Errorf("%d clear bytes became %d, want 16 and 32", len(*v.Clear), len(f.Data))
			}
		}
	}
}

func TestClearFramesAreBuiltByteForByte(t *testing.T) {
	card := func(format CardFormat, count int, bits string) []byte {
		c, err := NewRawCard(0, format, count, unhex(bits))
		if err != nil {
			t.Fatal(err)
		}
		return c.Append(nil)
	}
	keys, err := NewKeypad(0, []byte{'1', '2', '3', '4', KeyEnter})
	if err != nil {
		t.Fatal(err)
	}
	led := LED{
		Temporary: LEDState{Control: LEDStart, OnTime: 5, OffTime: 5, On: Red, Off: Green}, Timer: 20,
		Permanent: LEDState{Control: LEDSet, OnTime: 1, On: Green, Off: Dark},
	}
	pdid := PDID{OUI: [3]byte{0x12, 0x34, 0x56}, Model: 0x22, Version: 0x11, Serial: 0x0a0b0c0d, Firmware: [3]byte{1, 2, 3}}
	caps := Capabilities{{1, 1, 4}, {2, 2, 2}, {3, 1, 0}, {4, 4, 2}, {5, 2, 1}, {6, 1, 1}, {8, 1, 0}, {9, 1, 0}, {10, 0, 1}, {13, 0, 1}, {16, 2, 0}}
	for _, x := range []struct {
		reply bool
		seq   uint8
		code  Code
		data  []byte
		want  string
	}{
		{false, 0, CmdID, []byte{RequestStandard}, "530109000461006023"},
		{true, 0, ReplyID, pdid.Append(nil), "53811400044512345622110d0c0b0a010203da4e"},
		{false, 1, CmdCapabilities, []byte{RequestStandard}, "530109000562000341"},
		{true, 1, ReplyCapabilities, caps.Append(nil), "5381290005460101040202020301000404020502010601010801000901000a00010d0001100200d178"},
		{false, 2, CmdPoll, nil, "530108000660d866"},
		{true, 2, ReplyAck, nil, "5381080006406a60"},
		{false, 2, CmdLED, led.Append(nil), "53011600066900000205050102140001010002006fa0"},
		{false, 3, CmdBuzzer, Buzzer{Tone: ToneDefault, OnTime: 2, OffTime: 1, Count: 3}.Append(nil), "53010d00076a00020201036c30"},
		{false, 2, CmdOutput, Output{Number: 1, Control: OutputOnTimed, Timer: 50}.Append(nil), "53010c00066801053200" + "8d41"},
		{false, 3, CmdLocalStatus, nil, "5301080007646d15"},
		{true, 3, ReplyLocalStatus, LocalStatus{}.Append(nil), "53810a0007480000" + "9392"},
		{false, 2, CmdInputStatus, nil, "5301080006657d36"},
		{true, 2, ReplyInputStatus, InputStatus{InputInactive, InputActive, InputInactive, InputShort}.Append(nil), "53810c000649000100021bb5"},
		{false, 1, CmdOutputStatus, nil, "5301080005664d53"},
		{true, 1, ReplyOutputStatus, OutputStatus{OutputInactive, OutputActive}.Append(nil), "53810a00054a0001ba01"},
		{false, 3, CmdReaderStatus, nil, "5301080007670e25"},
		{true, 3, ReplyReaderStatus, ReaderStatus{ReaderNormal}.Append(nil), "53810900074b003d47"},
		{true, 2, ReplyRaw, card(CardWiegand, 26, "bdd93740"), "538110000650" + "00011a00bdd937409971"},
		{true, 3, ReplyRaw, card(CardWiegand, 37, "1234567898"), "53811100075000012500123456789" + "8df69"},
		{true, 1, ReplyRaw, card(CardBits, 64, "0123456789abcdef"), "5381140005500000400001234567" + "89abcdef77ad"},
		{true, 1, ReplyKeypad, keys.Append(nil), "53810f0005530005313233340d0e3b"},
		{true, 2, ReplyNak, Nak{Code: NakSecurity}.Append(nil), "5381090006410600ff"},
	} {
		f := Frame{Address: 1, Reply: x.reply, Seq: x.seq, Code: x.code, Data: x.data}
		sameHex(t, f.String(), encode(t, f), x.want)
	}
	busy := Frame{Mark: true, Address: 1, Seq: 2, Code: CmdPoll}.AnswerBusy()
	sameHex(t, "BUSY", encode(t, busy), "ff 53 81 08 00 04 79 72 a1")
}
