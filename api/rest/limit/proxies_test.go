package limit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func proxies(t *testing.T, list ...string) Proxies {
	t.Helper()
	p, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCallersBehindAProxyAreToldApart(t *testing.T) {
	p := proxies(t, "127.0.0.1", "10.0.0.0/8", "2001:db8:ff::/48")
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"127.0.0.1:9", []string{"192.0.2.7"}, "192.0.2.7"},
		{"127.0.0.1:9", []string{"192.0.2.7, 10.1.2.3"}, "192.0.2.7"},          // two proxies
		{"127.0.0.1:9", []string{"203.0.113.5", "192.0.2.7"}, "192.0.2.7"},     // the left one the caller wrote
		{"127.0.0.1:9", []string{"10.9.9.9, 192.0.2.7"}, "192.0.2.7"},          // also when it looks like a proxy
		{"127.0.0.1:9", []string{"127.0.0.1, 192.0.2.7:4711"}, "192.0.2.7"},    // with a port
		{"127.0.0.1:9", []string{"[2001:db8:1:2::3]:80"}, "2001:db8:1:2::/64"}, // a network of one customer
		{"[2001:db8:ff::1]:9", []string{"2001:db8:1:2::3"}, "2001:db8:1:2::/64"},
		{"[::ffff:127.0.0.1]:9", []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		{"192.0.2.9:9", []string{"192.0.2.7"}, "192.0.2.9"}, // no proxy: its word is nothing
		{"127.0.0.1:9", nil, "127.0.0.1"},
		{"127.0.0.1:9", []string{"unknown"}, "127.0.0.1"},
		{"127.0.0.1:9", []string{"192.0.2.7, unknown, 10.1.2.3"}, "10.1.2.3"}, // nothing left of what cannot be read
		{"127.0.0.1:9", []string{"10.4.4.4, 10.1.2.3"}, "10.4.4.4"},
		{"pipe", []string{"192.0.2.7"}, "pipe"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.remote, c.forwarded
		got := ""
		p.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = From(r) })).ServeHTTP(nil, r)
		if got != c.want {
			t.Errorf("%s for %q counts as %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

// Whatever a caller writes in front, the address that the nearest proxy saw is the one that counts.
func TestNoHeaderOfTheCallerChangesWhoItIs(t *testing.T) {
	p := proxies(t, "127.0.0.1", "10.0.0.0/8")
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"10.0.0.1", "127.0.0.1", "198.51.100.1"}))).Draw(t, "written")
		got := p.Caller(netip.MustParseAddr("127.0.0.1"), append(written, "192.0.2.7, 10.0.0.2"))
		if got != netip.MustParseAddr("192.0.2.7") {
			t.Fatalf("%q: %s", written, got)
		}
	})
}

func TestAProxyIsAnAddressOrANetwork(t *testing.T) {
	for _, text := range []string{"", "proxy", "10.0.0.0/33", "10.0.0.1:80", "fe80::1%eth0", "::ffff:10.0.0.0/104", "*"} {
		if p, err := ParseProxies([]string{text}); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}
