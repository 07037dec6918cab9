package api

import (
	"context"
	"net"
	"slices"
	"strings"

	"kanmon/api/auth"
	"kanmon/api/console"
	"kanmon/api/explain"
	"kanmon/api/rest"
	"kanmon/api/webserver"
	"kanmon/internal/fault"
	"kanmon/lifecycle/approval"
	"kanmon/lifecycle/area"
	"kanmon/lifecycle/calendar"
	orders "kanmon/lifecycle/command"
	"kanmon/lifecycle/grade"
	"kanmon/lifecycle/lockdown"
	"kanmon/lifecycle/notice"
	"kanmon/lifecycle/profile"
	"kanmon/lifecycle/staff"
)

func (s *Server) openWeb(ctx context.Context) error {
	gate := auth.New(auth.Config{Accounts: s.accounts, HTTPS: s.settings.https()})
	approvals := approval.New(s.store)
	people, areas := staff.New(s.store), area.New(s.store, approvals)
	s.days = calendar.New(s.store, approvals)
	grades, lockdowns, profiles := grade.New(s.store, approvals), lockdown.New(s.store), profile.New(s.store, approvals)
	alarms, notices, why := s.alarms(), notice.New(s.store), explain.New(s.store, s.keys.HashKey().Forms)
	programs, err := rest.New(rest.Config{
		Site: s.settings.Site, Software: s.software, Gate: gate, Store: s.store, Accounts: s.accounts, Staff: people,
		Areas: areas, Approvals: approvals, Grades: grades, Lockdowns: lockdowns, Profiles: profiles,
		Days: s.days, Devices: s.devices, Cards: s.cards, PINs: s.pins, Entries: s.entries, HashKey: s.keys.HashKey(), Log: s.log,
		Explainer: why, Revocations: s.revocations, Enrolment: restEnrolment{s.enrolment}, Releaser: s.centre.Commands(), Alarms: alarms, Notices: notices,
		Desks: s.desks, Seats: restDesks{s.seats},
	})
	if err != nil {
		return err
	}
	pages, err := console.New(console.Config{
		Site: s.settings.Site, Software: s.software, Gate: gate, Accounts: s.accounts, Staff: people, Areas: areas,
		Approvals: approvals, Grades: grades, Lockdowns: lockdowns, Profiles: profiles,
		Days: s.days, Devices: s.devices, Cards: s.cards, PINs: s.pins, Entries: s.entries, HashKey: s.keys.HashKey(), Subscribe: s.subscribe, Log: s.log,
		LedgerSize:  func(context.Context) (int64, error) { return s.store.Signed(), nil },
		Revocations: s.revocations, Enrolment: s.enrolment, Releaser: s.centre.Commands(), Commands: orders.New(s.store),
		Alarms: alarms, Notices: notices, Explainer: why, Lease: s.settings.Lease.lease(), URL: strings.TrimSuffix(s.settings.PublicURL, "/"),
		Desks: s.desks, Seats: s.seats,
	})
	if err != nil {
		return err
	}
	s.routes = slices.Concat(programs.Patterns(), pages.Patterns())
	if s.certificate, err = s.webCertificate(); err != nil {
		return err
	}
	var listening net.ListenConfig
	if s.listener, err = listening.Listen(ctx, "tcp", s.settings.ConsoleListen); err != nil {
		return fault.Wrap(fault.Unavailable, err, "open the console's port")
	}
	handler := New(Config{REST: programs, Console: pages, HTTPS: s.settings.https(), Log: s.log})
	s.web = webserver.New(ctx, s.listener, s.settings.proxies().Handler(handler), s.certificate.Config(), s.log)
	return nil
}

func (s *Server) webCertificate() (*webserver.Certificate, error) {
	switch t := s.settings.TLS; t.Mode {
	case tlsOff:
		return webserver.Off(), nil
	case tlsFiles:
		return webserver.Files(t.CertFile, t.KeyFile)
	default:
		return webserver.Own(s.keys.Server), nil
	}
}

// subscribe lets a page listen for new entries.
func (s *Server) subscribe() (wake <-chan struct{}, cancel func()) {
	l := s.centre.Entries().Subscribe()
	return l.Wake(), l.Close
}
