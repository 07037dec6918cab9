package broker

import "net"

// ServeConn serves a connection that did not come through the port.
func (b *Broker) ServeConn(inner net.Conn) {
	if c, ok := b.listen.admit(inner); ok {
		go b.listen.serve(c, b.server.EstablishConnection)
	}
}
