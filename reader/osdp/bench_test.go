package osdp

import "testing"

// One secured exchange with a card, as often as a line can carry it: POLL sealed and opened, RAW sealed and opened.
func BenchmarkSecuredExchange(b *testing.B) {
	controller, device := sessions(b)
	card, err := NewRawCard(0, CardWiegand, 26, unhex("bdd93740"))
	if err != nil {
		b.Fatal(err)
	}
	data := card.Append(nil)
	poll := Frame{Mark: true, Address: 1, Seq: 2, Code: CmdPoll}
	b.ReportAllocs()
	for b.Loop() {
		opened := open(b, device, seal(b, controller, poll))
		open(b, controller, seal(b, device, opened.Answer(ReplyRaw, data)))
	}
}

func BenchmarkSealLED(b *testing.B) {
	controller, _ := sessions(b)
	f := Frame{Address: 1, Seq: 2, Code: CmdLED, Data: LED{Timer: 20}.Append(nil)}
	b.ReportAllocs()
	for b.Loop() {
		controller.replyNext = false
		seal(b, controller, f)
	}
}

func BenchmarkDecode(b *testing.B) {
	stream := unhex("ff53811e000e021850dd5c534b664bb52a5a45309a60c12223bc4ab4f53cfe")
	d := NewDecoder(0)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = d.Write(stream)
		if _, ok := d.Next(); !ok {
			b.Fatal("no frame")
		}
	}
}
