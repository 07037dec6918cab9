package mqtt_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"kanmon/internal/broker/brokertest"
	"kanmon/internal/mqtt"
	"kanmon/internal/wire"
)

// Publications of many goroutines are under way together: n at once take about as long as a few one after the other.
func BenchmarkPublish(b *testing.B) {
	for _, kind := range []brokertest.Kind{brokertest.Embedded, brokertest.Mosquitto} {
		for _, together := range []int{1, 16, 500} {
			b.Run(fmt.Sprintf("%s/%d at once", kind, together), func(b *testing.B) { benchmarkPublish(b, kind, together) })
		}
	}
}

func benchmarkPublish(b *testing.B, kind brokertest.Kind, together int) {
	broker := brokertest.Start(b, kind)
	centre, err := mqtt.New(mqtt.Config{URL: broker.URL(), ClientID: wire.Centre, TLS: broker.TLS(wire.Centre), Log: quiet})
	if err != nil {
		b.Fatal(err)
	}
	up := connected(centre)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- centre.Run(ctx) }()
	<-up
	payload := make([]byte, 300)
	work := make(chan mqtt.Message)
	var workers sync.WaitGroup
	for range together {
		workers.Go(func() {
			for m := range work {
				if err := centre.Publish(ctx, m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	b.ResetTimer()
	for b.Loop() {
		work <- mqtt.Message{Topic: brokertest.Topic("ctl-1", wire.Revoked), Payload: payload}
	}
	close(work)
	workers.Wait()
	b.StopTimer()
	cancel()
	<-ended
}
