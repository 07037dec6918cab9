package broker_test

import (
	"net"
	"testing"
	"time"
)

// M-13: whatever bytes a client sends, before or after it is admitted, the others do not notice.
func FuzzAnyBytesAreSurvived(f *testing.F) {
	f.Add(true, frame(0x32, append(append(text(events1), 0, 7), "{}"...)))
	f.Add(true, frame(0x82, append(append([]byte{0, 9}, text(ack1)...), 1)))
	f.Add(true, frame(0xA2, append([]byte{0, 9}, text(ack1)...)))
	f.Add(true, []byte{0x40, 2, 0, 1})
	f.Add(true, []byte{0xC0, 0})
	f.Add(true, []byte{0xE0, 0})
	f.Add(true, []byte{0xF0, 0})
	f.Add(false, as("ctl-1").bytes())
	five := as("ctl-1")
	five.version = 5
	f.Add(false, five.bytes())
	b := start(f, nil)
	witness := connect(f, b, "ctl-9")
	f.Fuzz(func(t *testing.T, admitted bool, sent []byte) {
		mine, theirs := net.Pipe() // sockets would use up the machine's ports
		b.ServeConn(theirs)
		r := over(t, mine)
		if admitted && !r.connect(as("ctl-1")) {
			t.Fatal("ctl-1 was refused")
		}
		r.send(sent)
		_ = mine.Close()
		_ = witness.conn.SetDeadline(time.Now().Add(patience))
		witness.send([]byte{0xC0, 0})
		if first, _ := witness.read(); first != 0xD0 {
			t.Fatal("the broker does not answer others any more")
		}
		if n := b.Stats().Panics; n > 0 {
			t.Fatalf("%d panics", n)
		}
	})
}
