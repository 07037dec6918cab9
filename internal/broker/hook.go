package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"kanmon/internal/wire"
)

const authenticateTime = 5 * time.Second

// hook is the rule put where the library asks for it.
type hook struct {
	mochi.HookBase
	config Config
	count  *counters
	log    *throttled

	mu         sync.RWMutex
	run        func() context.Context
	connected  map[string]*conn    // by client id, from the moment it is admitted until its connection is gone
	identities map[string]Identity // of those

	kept retained
}

func newHook(config Config, count *counters, log *throttled) *hook {
	return &hook{
		config: config, count: count, log: log, run: context.Background,
		connected: map[string]*conn{}, identities: map[string]Identity{}, kept: retained{status: map[string][]byte{}},
	}
}

func (h *hook) setContext(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.run = func() context.Context { return ctx }
}

// ID names the hook to the library.
func (h *hook) ID() string { return "kanmon" }

// Provides says which of the methods below the library is to call.
func (h *hook) Provides(b byte) bool {
	switch b {
	case mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPacketRead, mochi.OnPacketProcessed, mochi.OnWill,
		mochi.OnPublishDropped, mochi.OnDisconnect:
		return true
	default:
		return false
	}
}

// OnConnectAuthenticate admits or refuses a client.
func (h *hook) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	who, err := h.admit(pk)
	if err == nil {
		err = h.enter(cl, who)
	}
	if err != nil {
		h.count.refused.Add(1)
		h.log.warn("broker refuses a client", slog.String("client_id", clip(pk.Connect.ClientIdentifier)),
			slog.String("remote", cl.Net.Remote), slog.Any("error", err))
		return false
	}
	return true
}

func (h *hook) admit(pk packets.Packet) (Identity, error) {
	c := pk.Connect
	switch {
	case pk.ProtocolVersion != 4:
		return Identity{}, fmt.Errorf("protocol version %d, want MQTT 3.1.1", pk.ProtocolVersion)
	case !c.Clean:
		return Identity{}, errors.New("a session that outlives its connection")
	case c.Keepalive == 0 || c.Keepalive > maxKeepAlive:
		return Identity{}, fmt.Errorf("keep-alive of %d s, want 1–%d", c.Keepalive, maxKeepAlive)
	case !wire.ValidName(c.ClientIdentifier) || string(c.Username) != c.ClientIdentifier:
		return Identity{}, errors.New("client id and user name differ or are no name")
	}
	ctx, cancel := context.WithTimeout(h.context(), authenticateTime)
	defer cancel()
	who, err := h.config.Authenticate(ctx, c.ClientIdentifier, string(c.Username), string(c.Password))
	switch {
	case err != nil:
		return Identity{}, err
	case who.Name != c.ClientIdentifier:
		return Identity{}, fmt.Errorf("client id is not the name of its identity %q", who.Name)
	case c.WillFlag && (!who.mayPublish(h.config.Site, c.WillTopic, true) || c.WillQos > 1 || len(c.WillPayload) > maxWill):
		return Identity{}, fmt.Errorf("last will to %.80q is not allowed", c.WillTopic)
	}
	return who, nil
}

func (h *hook) context() context.Context {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.run()
}

// enter makes cl the one connection of who. An earlier one is closed, and is gone altogether, its will
// published, before the new one goes on: the library's own take-over can delete the newcomer with the old one.
func (h *hook) enter(cl *mochi.Client, who Identity) error {
	mine, ok := cl.Net.Conn.(*conn)
	if !ok {
		return fmt.Errorf("connection of type %T", cl.Net.Conn)
	}
	h.mu.Lock()
	before := h.connected[who.Name]
	h.connected[who.Name], h.identities[who.Name] = mine, who
	h.mu.Unlock()
	mine.onGone(func() { h.leave(who.Name, mine) })
	if before == nil {
		return nil
	}
	_ = before.Close()
	<-before.gone // soon: reading has ended, and at most the check of its identity is still under way
	if mine.isClosed() {
		return errors.New("replaced while connecting")
	}
	return nil
}

func (h *hook) leave(name string, c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.connected[name] == c {
		delete(h.connected, name)
		delete(h.identities, name)
	}
}

func (h *hook) throwOut(name string) bool {
	h.mu.Lock()
	c := h.connected[name]
	delete(h.identities, name)
	h.mu.Unlock()
	if c == nil {
		return false
	}
	_ = c.Close()
	return true
}

func (h *hook) identity(cl *mochi.Client) Identity {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.identities[cl.ID]
}

// OnACLCheck is asked with a filter at a subscription and with a topic at a publication and at each delivery.
func (h *hook) OnACLCheck(cl *mochi.Client, topic string, write bool) bool {
	who := h.identity(cl)
	if write {
		return who.mayPublish(h.config.Site, topic, false) // OnPacketRead has looked at the retain flag
	}
	if who.mayRead(h.config.Site, topic) {
		return true
	}
	h.deny(cl, "subscribe", topic)
	return false
}

// OnPacketRead sees every packet before the library acts on it. A publication against the rule ends the
// connection, whatever its QoS; the library would let one of QoS 0 go by in silence. What is to be retained is kept
// here and the mark taken off (see retained).
func (h *hook) OnPacketRead(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	switch pk.FixedHeader.Type {
	case packets.Connect:
		pk.Connect.WillRetain = false
	case packets.Publish:
		if pk.FixedHeader.Qos > 1 || len(pk.Payload) > wire.MaxPayload ||
			!h.identity(cl).mayPublish(h.config.Site, pk.TopicName, pk.FixedHeader.Retain) {
			h.deny(cl, "publish", pk.TopicName)
			return pk, packets.ErrRejectPacket
		}
		if pk.FixedHeader.Retain {
			h.kept.keep(pk.TopicName, pk.Payload)
			pk.FixedHeader.Retain = false
		}
	}
	return pk, nil
}

// OnPacketProcessed sends what is retained after a subscription has been answered.
func (h *hook) OnPacketProcessed(cl *mochi.Client, pk packets.Packet, err error) {
	if err != nil || pk.FixedHeader.Type != packets.Subscribe {
		return
	}
	who := h.identity(cl)
	for _, f := range pk.Filters {
		if who.mayRead(h.config.Site, f.Filter) {
			h.kept.send(cl, f.Filter)
		}
	}
}

// OnWill keeps a will: it is a status, by the rule.
func (h *hook) OnWill(_ *mochi.Client, will mochi.Will) (mochi.Will, error) {
	h.kept.keep(will.TopicName, will.Payload)
	return will, nil
}

func (h *hook) deny(cl *mochi.Client, what, topic string) {
	h.count.denied.Add(1)
	h.log.warn("broker denies a topic", slog.String("client_id", clip(cl.ID)), slog.String("remote", cl.Net.Remote),
		slog.String("what", what), slog.String("topic", clip(topic)))
}

// OnPublishDropped counts.
func (h *hook) OnPublishDropped(cl *mochi.Client, pk packets.Packet) {
	h.count.dropped.Add(1)
	h.log.warn("broker drops a delivery", slog.String("client_id", clip(cl.ID)), slog.String("topic", clip(pk.TopicName)))
}

// OnDisconnect is only a record.
func (h *hook) OnDisconnect(cl *mochi.Client, err error, _ bool) {
	h.config.Log.Debug("client left the broker", slog.String("client_id", clip(cl.ID)), slog.Any("error", err))
}

// clip keeps what a stranger sent short in the log.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
