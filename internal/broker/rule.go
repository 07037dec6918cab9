package broker

import "kanmon/internal/wire"

// Role is what a client is to the broker.
type Role uint8

// Roles. The zero Role may do nothing.
const (
	// Controller publishes the kinds that go up from its own name and reads its own of those that go down, and
	// the revocations for all.
	Controller Role = iota + 1
	// Centre publishes the kinds that go down to every controller of the site, and revocations to all; it reads what
	// all controllers send up.
	Centre
	// Listener reads events and status of all and publishes nothing: for other systems.
	Listener
)

// Identity is who a client is. Name is its client id; a Controller's is the name in its topics.
type Identity struct {
	Name string
	Role Role
}

// valid says that the name is one its role can have: the reserved names are no controller's.
func (who Identity) valid() bool {
	if who.Role == Controller {
		return wire.ValidController(who.Name)
	}
	return wire.ValidName(who.Name) && who.Name != wire.All
}

// mayPublish is the whole rule for publications and wills.
func (who Identity) mayPublish(site, topic string, retain bool) bool {
	a, err := wire.ParseTopic(topic)
	if err != nil || a.Site != site || a.Controller == wire.Centre || (retain && a.Kind != wire.Status) {
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
	a, err := wire.ParseTopic(topic)
	known := err == nil && a.Site == site && a.Controller != wire.Centre
	switch who.Role {
	case Controller:
		return known && a.Kind.Down() && (a.Controller == who.Name || a.Controller == wire.All)
	case Centre:
		return readsOfAll(site, topic, a, known, wire.Ups())
	case Listener:
		return readsOfAll(site, topic, a, known, []wire.Kind{wire.Events, wire.Status})
	default:
		return false
	}
}

// readsOfAll allows the given kinds of one controller, and the filter for them of every controller.
func readsOfAll(site, topic string, a wire.Address, known bool, kinds []wire.Kind) bool {
	for _, k := range kinds {
		if topic == wire.Filter(site, k) || (known && a.Kind == k) {
			return true
		}
	}
	return false
}
