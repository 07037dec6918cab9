package ingest_test

import (
	"sync"
	"testing"

	"go.uber.org/goleak"

	"kanmon/api/ingest"
)

func TestASlowListenerHoldsOneWakeUpAndDelaysNobody(t *testing.T) {
	var b ingest.Broadcaster
	slow, quick := b.Subscribe(), b.Subscribe()
	defer quick.Close()
	for id := range int64(1000) {
		b.Tell(id)
	}
	<-quick.Wake()
	if b.Newest() != 999 {
		t.Fatalf("newest %d, want 999", b.Newest())
	}
	<-slow.Wake()
	select {
	case <-slow.Wake():
		t.Fatal("more than one wake-up was waiting")
	default:
	}
	slow.Close()
	slow.Close()
	b.Tell(1000)
	<-quick.Wake()
	select {
	case <-slow.Wake():
		t.Fatal("woken after Close")
	default:
	}
	if b.Listeners() != 1 {
		t.Fatalf("%d listeners, want 1", b.Listeners())
	}
}

func TestNobodyMissesTheLastId(_ *testing.T) {
	var b ingest.Broadcaster
	var all sync.WaitGroup
	for range 8 {
		l := b.Subscribe()
		all.Go(func() {
			defer l.Close()
			for b.Newest() < 5000 {
				<-l.Wake()
			}
		})
	}
	for id := range int64(5001) {
		b.Tell(id)
	}
	all.Wait()
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
