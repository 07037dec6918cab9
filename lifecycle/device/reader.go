package device

import (
	"context"
	"fmt"
	"slices"

	"kanmon/internal/fault"
	"kanmon/internal/store"
	"kanmon/lifecycle/field"
)

// Kind of a device that hangs on a controller.
type Kind string

// Kinds.
const (
	OSDPReader   Kind = "osdp_reader"
	OSDPIO       Kind = "osdp_io" // strikes, contacts and buttons on the secure side
	PCSCReader   Kind = "pcsc_reader"
	SerialReader Kind = "serial_reader" // speaks its maker's protocol, which encrypts nothing
	Terminal     Kind = "terminal"      // knows people by a face or a finger, and says who it is
)

// Addressed reports whether devices of the kind have an address on an OSDP line.
func (k Kind) Addressed() bool { return k == OSDPReader || k == OSDPIO }

// Reads reports whether a door may have devices of the kind as readers.
func (k Kind) Reads() bool { return k != OSDPIO }

// Plain reports whether what such a reader says crosses its wire unencrypted.
func (k Kind) Plain() bool { return k == SerialReader || k == Terminal }

// Reader is a reader or I/O device of a controller.
type Reader struct {
	Name       string // unique on its controller
	Controller string
	Kind       Kind
	Address    int   // OSDP address 0–126; 0 for kinds without one
	Version    int64 // in answers
}

// AddReader enters a reader or I/O device.
func (r *Register) AddReader(ctx context.Context, actor store.Actor, d Reader) (Reader, error) {
	if err := d.check(); err != nil {
		return Reader{}, fmt.Errorf("add reader: %w", err)
	}
	err := r.write(ctx, actor, "", func(tx *store.Tx) error {
		if err := Known(ctx, tx, d.Controller); err != nil {
			return err
		}
		_, err := KindOf(ctx, tx, d.Controller, d.Name)
		if err == nil {
			err = fault.New(fault.Conflict, "device.reader_taken", fmt.Sprintf("%s has a device %q", d.Controller, d.Name))
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		row := store.Row{
			{Name: "controller", Value: d.Controller},
			{Name: "kind", Value: string(d.Kind)},
			{Name: "name", Value: d.Name},
		}
		if d.Kind.Addressed() {
			row = append(row, store.Col("address", int64(d.Address)))
		}
		d.Version, err = tx.Version(ctx, "reader", d.id(), row, nil)
		return err
	})
	if err != nil {
		return Reader{}, fmt.Errorf("add reader: %w", err)
	}
	return d, nil
}

func (d Reader) id() string { return d.Controller + "/" + d.Name }

func (d Reader) check() error {
	if err := field.Device("name", d.Name); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]Kind{OSDPReader, OSDPIO, PCSCReader, SerialReader, Terminal}, d.Kind):
		return fault.BadField("kind", "device.kind", fmt.Sprintf("kind %.20q", d.Kind))
	case d.Address < 0 || d.Address > 126:
		return fault.BadField("address", "device.address", "address outside 0–126")
	case d.Address != 0 && !d.Kind.Addressed():
		return fault.BadField("address", "device.no_address", fmt.Sprintf("address of a device of kind %s", d.Kind))
	}
	return nil
}

// KnownReader returns a NotFound error unless the device is registered on the controller and is a reader.
func KnownReader(ctx context.Context, q store.Queryer, controller, name string) error {
	kind, err := KindOf(ctx, q, controller, name)
	if err == nil && !kind.Reads() {
		err = fault.New(fault.NotFound, "device.unknown_reader", fmt.Sprintf("%.40q on %s is no reader", name, controller))
	}
	return err
}

// KindOf is the kind of a device; a NotFound error with code "device.unknown_reader" unless it is registered on the controller.
func KindOf(ctx context.Context, q store.Queryer, controller, name string) (kind Kind, err error) {
	err = q.Get(ctx, &kind, `SELECT v.kind FROM reader r JOIN reader_version v ON v.id = r.id AND v.n = r.n WHERE r.id = ?`,
		Reader{Controller: controller, Name: name}.id())
	if fault.KindOf(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "device.unknown_reader", fmt.Sprintf("no reader %.40q on %s", name, controller))
	}
	return kind, err
}

// Readers lists the devices of a controller, or of all when it is empty, in the order of controllers and names.
func (r *Register) Readers(ctx context.Context, actor store.Actor, controller string) ([]Reader, error) {
	var rows []struct {
		Name, Controller string
		Kind             Kind
		Address          int
		N                int64
	}
	err := r.read(ctx, actor, func(q store.Queryer) error {
		return q.Select(ctx, &rows, `SELECT v.name, v.controller, v.kind, COALESCE(v.address, 0) AS address, r.n FROM reader r
			JOIN reader_version v ON v.id = r.id AND v.n = r.n
			WHERE v.controller = ? OR ? = '' ORDER BY v.controller, v.name`, controller, controller)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Reader, len(rows))
	for i, row := range rows {
		list[i] = Reader{Name: row.Name, Controller: row.Controller, Kind: row.Kind, Address: row.Address, Version: row.N}
	}
	return list, nil
}
