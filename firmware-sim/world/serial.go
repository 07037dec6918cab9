package world

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"kanmon/firmware-sim/pty"
	"kanmon/firmware-sim/serialreader"
	"kanmon/reader/line/frame"
)

// SerialConfig is one serial reader, on a line of its own.
type SerialConfig struct {
	Name string `json:"name"`
	// Line is where a symbolic link to its tty is put; the controller opens it.
	Line    string `json:"line"`
	Profile string `json:"profile"` // by name
	Address int    `json:"address,omitempty"`
}

func (c Config) serialReaders() ([]*serialreader.Device, error) {
	var all []*serialreader.Device
	for _, s := range c.Serial {
		p, err := frame.Example(s.Profile)
		if err != nil {
			return nil, fmt.Errorf("serial reader %s: %w", s.Name, err)
		}
		d, err := serialreader.New(serialreader.Config{Name: s.Name, Profile: p, Address: s.Address})
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// serveSerial opens the lines of the serial readers, and has them speak there until ctx ends. hangUp closes the lines, and returns when they are.
func (c Config) serveSerial(ctx context.Context, g *errgroup.Group, readers []*serialreader.Device) (hangUp func(), err error) {
	var lines []*pty.Line
	hangUp = sync.OnceFunc(func() {
		for _, l := range lines {
			_ = l.Close() // nobody speaks there any more
		}
	})
	for i, d := range readers {
		l, err := pty.Open(c.Serial[i].Line)
		if err != nil {
			hangUp()
			return nil, fmt.Errorf("serial reader %s: %w", d.Name(), err)
		}
		lines = append(lines, l)
	}
	for i, d := range readers {
		g.Go(func() error { return d.Run(ctx, lines[i]) })
		_, _ = d.Await(ctx, func(s serialreader.Snapshot) bool { return s.Line }) // or the end has come
	}
	context.AfterFunc(ctx, hangUp) // ends their reading
	return hangUp, nil
}
