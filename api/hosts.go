package api

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
)

// hosts are the names and addresses by which the centre's servers are called, for their certificate.
func (s Settings) hosts() []string {
	list := append([]string{"localhost", "127.0.0.1", "::1"}, s.TLS.Hosts...)
	for _, text := range []string{s.PublicURL, s.Broker.PublicURL, s.Desks.PublicURL} {
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			list = append(list, u.Hostname())
		}
	}
	for _, listen := range []string{s.ConsoleListen, s.Broker.Listen, s.Desks.Listen} {
		host, _, err := net.SplitHostPort(listen)
		if ip := net.ParseIP(host); err == nil && (host == "" || (ip != nil && ip.IsUnspecified())) {
			list = append(list, ownHosts()...)
		} else if err == nil {
			list = append(list, host)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// ownHosts are the machine's name and addresses, for who listens on all of them.
func ownHosts() []string {
	var list []string
	if name, err := os.Hostname(); err == nil && name != "" && !strings.ContainsAny(name, "_ ") {
		list = append(list, name)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return list
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			list = append(list, n.IP.String())
		}
	}
	return list
}

// consoleURL is how the console is reached that listens at an address.
func (s Settings) consoleURL(at net.Addr) string {
	if s.PublicURL != "" {
		return strings.TrimSuffix(s.PublicURL, "/")
	}
	scheme := "https://"
	if s.TLS.Mode == tlsOff {
		scheme = "http://"
	}
	return scheme + reachable(at, "")
}

// brokerURL is how controllers reach the broker; at is where the embedded one listens.
func (s Settings) brokerURL(at net.Addr) string {
	b := s.Broker
	switch {
	case !b.Embedded():
		return b.URL
	case b.PublicURL != "":
		return b.PublicURL
	}
	host := ""
	if u, err := url.Parse(s.PublicURL); err == nil {
		host = u.Hostname()
	}
	if loopback(b.Listen) {
		host = "" // nobody else reaches it
	}
	return "tls://" + reachable(at, host)
}

// reachable is an address as others call it: with another host where one is given, or the machine's name in place of "all addresses".
func reachable(at net.Addr, host string) string {
	own, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return at.String()
	}
	if host == "" {
		host = own
		if ip := net.ParseIP(own); ip != nil && ip.IsUnspecified() {
			host = "localhost"
			if name, err := os.Hostname(); err == nil && name != "" {
				host = name
			}
		}
	}
	return net.JoinHostPort(host, port)
}
