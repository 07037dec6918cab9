package broker

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"testing"
	"testing/synctest"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"kanmon/internal/wire"
)

var will1 = mochi.Will{TopicName: wire.Topic("demo", "ctl-1", wire.Status), Payload: []byte("offline"), Flag: 1}

// R75-3. M-5: a device that is revoked while one connection of it takes over from another leaves the will of neither.
func TestM5ADeviceRevokedDuringItsTakeOverHasNoWill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, who := testHook(), Identity{Name: "ctl-1", Role: Controller}
		old, client := peer(t, h, who)
		ended := make(chan error, 2)
		var news []*conn
		for range 2 {
			_, theirs := net.Pipe()
			c := newConn(theirs, theirs)
			news = append(news, c)
			go func() {
				_, err := h.enter(c, who, h.throws())
				ended <- err
				_ = c.Close()
				c.end()
			}()
			synctest.Wait() // it waits for the one before
		}
		if !old.isClosed() || len(ended) > 0 {
			t.Fatal("nobody is being taken over")
		}
		if !h.throwOut("ctl-1") {
			t.Error("it was not there")
		}
		if will, _ := h.OnWill(client, will1); will.TopicName != "" || len(h.kept.status) > 0 {
			t.Errorf("the will of the connection before is published to %q", will.TopicName)
		}
		old.end()
		for range news {
			if err := <-ended; err == nil {
				t.Error("a newcomer was admitted")
			}
		}
		synctest.Wait()
		if len(h.connected) > 0 {
			t.Errorf("left: %v", h.connected)
		}
	})
}

// M-5: a will that is on its way when its device is revoked is out before Disconnect returns, not after it.
func TestM5AWillOnItsWayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := testHook()
		c, client := peer(t, h, Identity{Name: "ctl-1", Role: Controller})
		if will, _ := h.OnWill(client, will1); will.TopicName == "" {
			t.Fatal("no will")
		}
		returned := make(chan bool, 1)
		go func() { returned <- h.throwOut("ctl-1") }()
		synctest.Wait()
		if len(returned) > 0 {
			t.Error("Disconnect returned while a will was on its way")
		}
		_ = c.Close()
		c.end() // the library has published it
		if !<-returned || len(h.kept.status) > 0 {
			t.Errorf("%d statuses are kept", len(h.kept.status))
		}
	})
}

// R47-1: a connection ends with the certificate that it was made with.
func TestAConnectionEndsWithItsCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := testHook()
		h.config.Authenticate = func(_ context.Context, p Peer) (Identity, error) {
			return Identity{Name: p.ClientID, Role: Controller}, nil
		}
		_, theirs := net.Pipe()
		c := newConn(theirs, theirs)
		c.certificate = &x509.Certificate{Subject: pkix.Name{CommonName: "ctl-1"}, NotAfter: time.Now().Add(time.Hour)}
		err := h.connect(&mochi.Client{Net: mochi.ClientConnection{Conn: c}}, packets.Packet{
			ProtocolVersion: 4, Connect: packets.ConnectParams{ClientIdentifier: "ctl-1", Clean: true, Keepalive: 60},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - time.Second)
		if c.isClosed() {
			t.Error("it ended too early")
		}
		time.Sleep(2 * time.Second)
		if !c.isClosed() {
			t.Error("it outlives its certificate")
		}
		_ = c.Close()
		c.end()
	})
}
