package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/wire"
)

// fanout is the floor of a revocation: what any design over this broker and this disk pays. A bare centre syncs a block to
// disk, publishes one message to all, and syncs for every group of answers that has come meanwhile; each bare client appends
// and syncs a block in a file of its own, and answers once. Nothing is signed, checked, decided or stored by key.
type fanout struct {
	b       *testing.B
	dir     string
	broker  *brokertest.Broker
	names   []string
	message []byte // what is published; answers have the size of answer
	answer  []byte
	centre  *brokertest.Raw
	arrived chan time.Time
	clients sync.WaitGroup
}

// block is what one commit appends: a page of SQLite and its head in the log.
var block = bytes.Repeat([]byte{0x5a}, 4096+24)

func newFanout(b *testing.B, kind brokertest.Kind, clients, message, answer int) *fanout {
	b.Helper()
	f := &fanout{
		b: b, dir: b.TempDir(), broker: brokertest.Start(b, kind), arrived: make(chan time.Time, clients),
		message: bytes.Repeat([]byte{'m'}, message), answer: bytes.Repeat([]byte{'a'}, answer),
	}
	for i := range clients {
		f.names = append(f.names, fmt.Sprintf("bare-%03d", i))
	}
	f.broker.Register(f.names...)
	f.centre = f.connect(wire.Centre)
	if !f.centre.Subscribe(wire.Filter(brokertest.Site, wire.Receipt)) {
		b.Fatal("the bare centre may not listen")
	}
	f.clients.Go(f.hear)
	for _, name := range f.names {
		c := f.connect(name)
		if !c.Subscribe(brokertest.Topic(wire.All, wire.Revoked)) {
			b.Fatal("a bare client may not listen")
		}
		file := f.create(name)
		f.clients.Go(func() { f.obey(c, name, file) })
	}
	return f
}

// connect is a proper client whose connection lasts as long as the benchmark.
func (f *fanout) connect(name string) *brokertest.Raw {
	f.b.Helper()
	c := f.broker.Connect(name)
	if err := c.Conn.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		f.b.Fatal(err)
	}
	return c
}

func (f *fanout) create(name string) *os.File {
	f.b.Helper()
	file, err := os.Create(filepath.Join(f.dir, name))
	if err != nil {
		f.b.Fatal(err)
	}
	f.b.Cleanup(func() { _ = file.Close() })
	return file
}

func commit(file *os.File) error {
	if _, err := file.Write(block); err != nil {
		return err
	}
	return file.Sync()
}

// obey is one client.
func (f *fanout) obey(c *brokertest.Raw, name string, file *os.File) {
	for c.Receive().Topic != "" {
		if err := commit(file); err != nil {
			f.b.Error(err)
			return
		}
		c.Send(brokertest.Publication(brokertest.Topic(name, wire.Receipt), string(f.answer), 7, 0))
	}
}

// hear is the centre's reading half.
func (f *fanout) hear() {
	for m := f.centre.Receive(); m.Topic != ""; m = f.centre.Receive() {
		f.arrived <- time.Now()
	}
}

// round publishes once and returns how long it took until each client's answer had come, and until all were on disk.
func (f *fanout) round() (came []time.Duration, all time.Duration) {
	f.b.Helper()
	file := f.create("centre")
	began := time.Now()
	if err := commit(file); err != nil {
		f.b.Fatal(err)
	}
	f.centre.Send(brokertest.Publication(brokertest.Topic(wire.All, wire.Revoked), string(f.message), 7, 0))
	patience := time.After(Patience)
	for len(came) < len(f.names) {
		select {
		case at := <-f.arrived:
			came = append(came, at.Sub(began))
		case <-patience:
			f.b.Fatalf("%d of %d bare clients answered", len(came), len(f.names))
		}
		for more := true; more; { // what has come meanwhile shares the commit
			select {
			case at := <-f.arrived:
				came = append(came, at.Sub(began))
			default:
				more = false
			}
		}
		if err := commit(file); err != nil {
			f.b.Fatal(err)
		}
	}
	return came, time.Since(began)
}

// stop hangs up.
func (f *fanout) stop() {
	f.broker.Stop()
	f.clients.Wait()
}
