package broker

import "kanmon/internal/wire"

// Role is what a client is to the broker.
type Role uint8

// Roles. The zero Role may do nothing.
const (
	// Controller publishes its own events and status and reads its own ack, policy and cmd.
	Controller Role = iota + 1
	// Centre publishes ack, policy and cmd to every controller of the site and reads events and status of all.
	Centre
	// Listener reads events and status of all and publishes nothing: for other systems.
	Listener
)

// Identity is who a client is. Name is its client id; a Controller's is the name in its topics.
type Identity struct {
	Name string
	Role Role
}

// mayPublish is the whole rule for publications and wills.
func (who Identity) mayPublish(site, topic string, retain bool) bool {
	a, err := wire.ParseTopic(topic)
	if err != nil || a.Site != site || (retain && a.Kind != wire.Status) {
		return false
	}
	switch who.Role {
	case Controller:
		return a.Controller == who.Name && a.Kind.Up()
	case Centre:
		return a.Kind.Down()
	case Listener:
		return false
	default:
		return false
	}
}

// mayRead is the whole rule for subscriptions, where topic is a filter, and for deliveries.
func (who Identity) mayRead(site, topic string) bool {
	all := topic == wire.Filter(site, wire.Events) || topic == wire.Filter(site, wire.Status)
	a, err := wire.ParseTopic(topic)
	known := err == nil && a.Site == site
	switch who.Role {
	case Controller:
		return known && a.Controller == who.Name && a.Kind.Down()
	case Centre, Listener:
		return all || (known && a.Kind.Up())
	default:
		return false
	}
}
