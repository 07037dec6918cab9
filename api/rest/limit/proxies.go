package limit

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"kanmon/internal/fault"
)

// Proxies are the addresses of proxies that tell truly for whom they ask. Behind one all callers have its address, and one of them could
// spend everybody's attempts.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks such as "127.0.0.1" and "10.1.0.0/16".
func ParseProxies(list []string) (Proxies, error) {
	p := make(Proxies, 0, len(list))
	for _, text := range list {
		network, err := netip.ParsePrefix(text)
		if addr, aerr := netip.ParseAddr(text); aerr == nil && addr.Zone() == "" {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() {
			return nil, fault.New(fault.Invalid, "", "neither an address nor a network: "+text)
		}
		p = append(p, network.Masked())
	}
	return p, nil
}

func (p Proxies) has(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// Caller is the address of who asks: remote, or, when that is a proxy, the rightmost address in X-Forwarded-For that is none. What stands
// left of it the caller may have written.
func (p Proxies) Caller(remote netip.Addr, forwarded []string) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !p.has(remote) {
			break
		}
		next, ok := hopAddr(hop)
		if !ok {
			break
		}
		remote = next
	}
	return remote
}

// hopAddr reads an address as proxies write it, with or without a port.
func hopAddr(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if at, perr := netip.ParseAddrPort(text); perr == nil {
		addr, err = at.Addr(), nil
	}
	return addr.Unmap().WithZone(""), err == nil
}

// Handler has every request come from its Caller.
func (p Proxies) Handler(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, err := netip.ParseAddrPort(r.RemoteAddr)
		if peer := at.Addr().Unmap().WithZone(""); err == nil && p.has(peer) {
			from := p.Caller(peer, r.Header.Values("X-Forwarded-For"))
			r = r.WithContext(r.Context()) // a copy
			r.RemoteAddr = net.JoinHostPort(from.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}
