package broker

import (
	"sync"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"kanmon/internal/wire"
)

// retained keeps the last status of each controller for those who subscribe later. The library's own store of
// retained messages reads strings that another goroutine is writing.
type retained struct {
	mu     sync.Mutex
	status map[string][]byte // by topic
}

// keep replaces what is kept for a topic, as long as still holds; an empty payload removes it. still is asked under the lock: what
// was thrown out before forget is not kept after it.
func (r *retained) keep(topic string, payload []byte, still func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !still():
	case len(payload) == 0:
		delete(r.status, topic)
	default:
		r.status[topic] = payload
	}
}

// forget removes what is kept of one controller.
func (r *retained) forget(site, controller string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.status, wire.Topic(site, controller, wire.Status))
}

// send writes what filter matches to a client, with QoS 0, marked as retained. The lock is held meanwhile (writes do
// not wait, see conn), so that nobody receives an older status after a newer one.
func (r *retained) send(cl *mochi.Client, filter string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, payload := range r.status {
		if !matches(filter, topic) {
			continue
		}
		_ = cl.WritePacket(packets.Packet{ // a client that is gone does not need it
			FixedHeader: packets.FixedHeader{Type: packets.Publish, Retain: true}, TopicName: topic, Payload: payload,
		})
	}
}

// matches knows the only two forms of filters that the rule lets through.
func matches(filter, topic string) bool {
	a, err := wire.ParseTopic(topic)
	return err == nil && (filter == topic || filter == wire.Filter(a.Site, a.Kind))
}
