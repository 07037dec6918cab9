package broker

import (
	"context"
	"crypto/x509"
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

	mu        sync.RWMutex
	run       func() context.Context
	connected map[string]*conn // by client id, from the moment it is admitted until its connection is gone
	thrown    uint64           // how often throwOut was called

	kept retained
}

func newHook(config Config, count *counters, log *throttled) *hook {
	return &hook{
		config: config, count: count, log: log, run: context.Background,
		connected: map[string]*conn{}, kept: retained{status: map[string][]byte{}},
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
		mochi.OnPublishDropped, mochi.OnQosPublish, mochi.OnDisconnect:
		return true
	default:
		return false
	}
}

// OnConnectAuthenticate admits or refuses a client.
func (h *hook) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	err := h.connect(cl, pk)
	if err != nil {
		h.count.refused.Add(1)
		h.log.warn("broker refuses a client", slog.String("client_id", clip(pk.Connect.ClientIdentifier)),
			slog.String("remote", cl.Net.Remote), slog.Any("error", err))
	}
	return err == nil
}

// connect repeats the check when somebody was thrown out while it ran: the answer may be of the moment before.
func (h *hook) connect(cl *mochi.Client, pk packets.Packet) error {
	mine, ok := cl.Net.Conn.(*conn)
	if !ok {
		return fmt.Errorf("connection of type %T", cl.Net.Conn)
	}
	ctx, cancel := context.WithTimeout(h.context(), authenticateTime)
	defer cancel()
	for ctx.Err() == nil {
		before := h.throws()
		who, err := h.admit(ctx, pk, mine.certificate)
		if err != nil {
			return err
		}
		entered, err := h.enter(mine, who, before)
		if entered {
			mine.endAt(mine.certificate.NotAfter)
		}
		if entered || err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (h *hook) throws() uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.thrown
}

func (h *hook) admit(ctx context.Context, pk packets.Packet, certificate *x509.Certificate) (Identity, error) {
	c := pk.Connect
	switch {
	case certificate == nil:
		return Identity{}, errors.New("no certificate")
	case pk.ProtocolVersion != 4:
		return Identity{}, fmt.Errorf("protocol version %d, want MQTT 3.1.1", pk.ProtocolVersion)
	case !c.Clean:
		return Identity{}, errors.New("a session that outlives its connection")
	case c.Keepalive == 0 || c.Keepalive > maxKeepAlive:
		return Identity{}, fmt.Errorf("keep-alive of %d s, want 1–%d", c.Keepalive, maxKeepAlive)
	case !wire.ValidName(c.ClientIdentifier) || c.ClientIdentifier != certificate.Subject.CommonName:
		return Identity{}, fmt.Errorf("client id is not the name in its certificate, %.80q", certificate.Subject.CommonName)
	case len(c.Username) > 0 && string(c.Username) != c.ClientIdentifier:
		return Identity{}, errors.New("user name and client id differ")
	}
	who, err := h.config.Authenticate(ctx, Peer{ClientID: c.ClientIdentifier, Username: string(c.Username), Certificate: certificate})
	switch {
	case err != nil:
		return Identity{}, err
	case who.Name != c.ClientIdentifier || !who.valid():
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

// enter makes mine the one connection of who, unless somebody was thrown out since throws was read. An earlier connection is
// closed, and is gone altogether, its will published, before the new one goes on: the library's own take-over can
// delete the newcomer with the old one.
func (h *hook) enter(mine *conn, who Identity, throws uint64) (entered bool, err error) {
	h.mu.Lock()
	if h.thrown != throws {
		h.mu.Unlock()
		return false, nil
	}
	before := h.connected[who.Name]
	h.connected[who.Name], mine.before = mine, before
	mine.who.Store(&who)
	h.mu.Unlock()
	mine.onGone(func() { h.leave(who.Name, mine) })
	if before != nil {
		_ = before.Close()
		<-before.gone // soon: reading has ended, and at most the check of its identity is still under way
		h.mu.Lock()
		mine.before = nil
		h.mu.Unlock()
	}
	if mine.isClosed() {
		return false, errors.New("replaced or thrown out while connecting")
	}
	return true, nil
}

func (h *hook) leave(name string, c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.connected[name] == c {
		delete(h.connected, name)
	}
}

// throwOut cuts every connection of a client, also those that others are taking over from, and waits for a will that is on its way.
func (h *hook) throwOut(name string) bool {
	h.mu.Lock()
	h.thrown++
	var all []*conn
	for c := h.connected[name]; c != nil; c = c.before {
		c.cut()
		all = append(all, c)
	}
	h.mu.Unlock()
	for _, c := range all {
		if c.willing.Load() {
			<-c.gone // soon: nothing is read or written any more
		}
	}
	h.kept.forget(h.config.Site, name)
	return len(all) > 0
}

// identity is the zero one for a client that is not admitted or was thrown out.
func (h *hook) identity(cl *mochi.Client) Identity {
	if c, ok := cl.Net.Conn.(*conn); ok {
		if who := c.who.Load(); who != nil {
			return *who
		}
	}
	return Identity{}
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
	if who != (Identity{}) { // one that is leaving is no offence
		h.deny(cl, "subscribe", topic)
	}
	return false
}

// OnPacketRead sees every packet before the library acts on it. A publication against the rule ends the
// connection, whatever its QoS; the library would let one of QoS 0 go by in silence. What is to be retained is kept
// here and the mark taken off (see retained).
func (h *hook) OnPacketRead(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	h.slow(cl, pk)
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
			h.kept.keep(pk.TopicName, pk.Payload, func() bool { return h.identity(cl) != Identity{} })
			pk.FixedHeader.Retain = false
		}
	case packets.Puback:
		if c, ok := cl.Net.Conn.(*conn); ok {
			c.acknowledged(pk.PacketID)
		}
	}
	return pk, nil
}

// slow holds up the reading of a client that sends more than any has to. Acknowledgements are as many as it was sent messages, and the centre
// speaks to all.
func (h *hook) slow(cl *mochi.Client, pk packets.Packet) {
	c, ok := cl.Net.Conn.(*conn)
	if !ok || pk.FixedHeader.Type == packets.Puback || h.identity(cl).Role == Centre {
		return
	}
	c.pause(c.pace.take(time.Now(), len(pk.Payload)))
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

// OnWill keeps a will: it is a status, by the rule. That of a client that was thrown out becomes a message without a topic,
// for which there are no subscribers; the library has no way to say "none".
func (h *hook) OnWill(cl *mochi.Client, will mochi.Will) (mochi.Will, error) {
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.willing.Store(true) // before the look at who it is: throwOut does the same the other way round
	}
	if (h.identity(cl) == Identity{}) {
		return mochi.Will{}, nil
	}
	h.kept.keep(will.TopicName, will.Payload, func() bool { return h.identity(cl) != Identity{} })
	return will, nil
}

// OnQosPublish counts what a client has to acknowledge.
func (h *hook) OnQosPublish(cl *mochi.Client, pk packets.Packet, _ int64, _ int) {
	if c, ok := cl.Net.Conn.(*conn); ok && pk.FixedHeader.Type == packets.Publish {
		c.awaits(pk.PacketID, len(pk.Payload))
	}
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
