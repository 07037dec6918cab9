// Package mosquitto writes the files with which Debian's mosquitto (2.0) is a broker for Kanmon, in place of the embedded one.
// docs/broker.md says how they are used, and what mosquitto cannot do.
package mosquitto

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"kanmon/internal/fault"
	"kanmon/internal/wire"
)

// Names of the files in a broker's folder.
const (
	ConfFile        = "mosquitto.conf"
	ACLFile         = "acl"
	CAFile          = "ca.pem"     // whose certificates are admitted
	CRLFile         = "crl.pem"    // without one mosquitto does not start
	CertificateFile = "server.pem" // of the broker itself
	KeyFile         = "server.key"
)

// Config of a broker. Site, Dir and Listen are required.
type Config struct {
	Site string
	// Dir is the folder of the files, as mosquitto is to find it: absolute.
	Dir string
	// Listen is host:port; the host is a numeric address.
	Listen string
	// Controllers are the registered ones that are not revoked: nobody else may do anything. Listeners may read events
	// and status of all.
	Controllers, Listeners []string
	// User is who mosquitto becomes when root starts it; empty: its own default, "mosquitto".
	User string
	// MaxClients bounds the connections; 0 means 2,000.
	MaxClients int
}

// The limits are those of the embedded broker, as far as mosquitto has them.
const (
	maxPacket   = wire.MaxPayload + 2048
	maxQueued   = 4096     // messages waiting for one client
	maxInflight = 1000     // messages sent to one client and not acknowledged
	maxBytes    = 64 << 20 // of both
)

// Files gives the contents of ConfFile and ACLFile. The same Config gives the same bytes. An error is fault.Invalid.
func Files(c Config) (conf, acl []byte, err error) {
	if err := c.check(); err != nil {
		return nil, nil, err
	}
	listen, err := netip.ParseAddrPort(c.Listen)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "mosquitto.listen", fmt.Sprintf("mosquitto listens on an address and a port, not %.80q", c.Listen))
	}
	return c.conf(listen), c.acl(), nil
}

func (c Config) check() error {
	if !wire.ValidName(c.Site) || !filepath.IsAbs(c.Dir) || bytes.ContainsAny([]byte(c.Dir+c.User), "\r\n") {
		return fault.New(fault.Invalid, "mosquitto.config", "mosquitto without a site name or an absolute folder")
	}
	for _, name := range slices.Concat(c.Controllers, c.Listeners) {
		if !wire.ValidController(name) {
			return fault.New(fault.Invalid, "mosquitto.name", fmt.Sprintf("no client can be named %.40q", name))
		}
	}
	for _, name := range c.Listeners {
		if slices.Contains(c.Controllers, name) { // it would have the rights of both
			return fault.New(fault.Invalid, "mosquitto.name", name+" is a controller and a listener")
		}
	}
	return nil
}

func (c Config) conf(listen netip.AddrPort) []byte {
	var b bytes.Buffer
	b.WriteString("# Written by Kanmon and overwritten by it. See docs/broker.md.\n")
	if c.User != "" {
		fmt.Fprintf(&b, "user %s\n", c.User)
	}
	most := c.MaxClients
	if most == 0 {
		most = 2000
	}
	for _, line := range [][2]string{
		{"per_listener_settings", "false"},
		{"allow_anonymous", "false"},
		{"acl_file", filepath.Join(c.Dir, ACLFile)},
		{"persistence", "false"}, // a restart forgets every session, queue and retained message
		{"max_packet_size", strconv.Itoa(maxPacket)},
		{"max_inflight_messages", strconv.Itoa(maxInflight)},
		{"max_inflight_bytes", strconv.Itoa(maxBytes)},
		{"max_queued_messages", strconv.Itoa(maxQueued)},
		{"max_queued_bytes", strconv.Itoa(maxBytes)},
		{"max_keepalive", "600"},
		{"sys_interval", "0"},
		{"set_tcp_nodelay", "true"},
		{"log_dest", "stderr"},
		{"log_type", "error"},
		{"log_type", "warning"},
		{"log_type", "notice"},
		{"listener", fmt.Sprintf("%d %s", listen.Port(), listen.Addr())},
		{"protocol", "mqtt"},
		{"max_connections", strconv.Itoa(most)},
		{"max_qos", "1"},
		{"max_topic_alias", "0"},
		{"tls_version", "tlsv1.3"},
		{"cafile", filepath.Join(c.Dir, CAFile)},
		{"certfile", filepath.Join(c.Dir, CertificateFile)},
		{"keyfile", filepath.Join(c.Dir, KeyFile)},
		{"crlfile", filepath.Join(c.Dir, CRLFile)},
		{"require_certificate", "true"},
		{"use_identity_as_username", "true"},
		{"use_username_as_clientid", "true"},
	} {
		fmt.Fprintf(&b, "%s %s\n", line[0], line[1])
	}
	return b.Bytes()
}

// acl names every client. A pattern for all controllers would be shorter, and would leave a revoked one its rights until its
// connection ends.
func (c Config) acl() []byte {
	var b bytes.Buffer
	b.WriteString("# Written by Kanmon and overwritten by it. Whoever is not named may do nothing.\n")
	user := func(name string) { fmt.Fprintf(&b, "\nuser %s\n", name) }
	may := func(do, controller string, kinds ...wire.Kind) {
		for _, k := range kinds {
			fmt.Fprintf(&b, "topic %s %s\n", do, wire.Topic(c.Site, controller, k))
		}
	}
	user(wire.Centre)
	may("read", "+", wire.Ups()...)
	may("write", "+", wire.Downs()...)
	for _, name := range distinct(c.Listeners) {
		user(name)
		may("read", "+", wire.Events, wire.Status)
	}
	for _, name := range distinct(c.Controllers) {
		user(name)
		may("write", name, wire.Ups()...)
		may("read", name, wire.Downs()...)
		may("read", wire.All, wire.Revoked)
	}
	return b.Bytes()
}

func distinct(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// Write writes ConfFile, ACLFile and, from crl, CRLFile into dir, each as a whole or not at all, and only those that
// change. It reports whether one did: then mosquitto has to be told (docs/broker.md). The other files are the operator's.
func Write(dir string, c Config, crl []byte) (changed bool, err error) {
	conf, acl, err := Files(c)
	if err != nil {
		return false, err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{{CRLFile, crl}, {ACLFile, acl}, {ConfFile, conf}} {
		path := filepath.Join(dir, f.name)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, f.content) {
			continue
		}
		if err := replace(path, f.content); err != nil {
			return changed, fault.Wrap(fault.Unavailable, err, "write mosquitto's "+f.name)
		}
		changed = true
	}
	return changed, nil
}

// replace leaves the old content or the new one, also when the power fails.
func replace(path string, content []byte) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640) //nolint:gosec // mosquitto runs as another user of the same group; nothing in it is secret
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
