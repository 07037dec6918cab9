package broker

import (
	"crypto/x509"
	"net"
)

// ServeConn serves a connection that did not come through the port and whose client has shown this certificate: as one does after
// the handshake.
func (b *Broker) ServeConn(inner net.Conn, certificate *x509.Certificate) {
	c := newConn(inner, inner)
	c.certificate = certificate
	if b.listen.admit(c) {
		go b.listen.serve(c, func() error { return b.server.EstablishConnection(b.listen.ID(), c) })
	}
}
