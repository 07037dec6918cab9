package world

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kanmon/firmware-sim/control"
	"kanmon/firmware-sim/outlog"
	"kanmon/firmware-sim/pd"
	"kanmon/firmware-sim/pty"
)

// Config of a simulated line with its doors. It is JSON, and an unknown field is an error.
type Config struct {
	// Line is where a symbolic link to the line's tty is put; the controller opens it.
	Line string `json:"line"`
	// Socket is where commands reach the simulator.
	Socket string `json:"socket"`
	// CardsFile maps the names of cards to their bits ("bits:64:…").
	CardsFile string `json:"cards_file"`
	// OutLog is the file to which every OUT command that energised an output is appended (package outlog); empty: none.
	OutLog string `json:"out_log,omitempty"`
	// PCSC is a virtual PC/SC reader, with a pcscd of its own; nil: none.
	PCSC    *PCSC          `json:"pcsc,omitempty"`
	Devices []DeviceConfig `json:"devices"`
	Doors   []Door         `json:"doors"`
}

// DeviceConfig is one device on the line.
type DeviceConfig struct {
	Name     string `json:"name"`
	Address  byte   `json:"address"`
	SCBKFile string `json:"scbk_file"` // 32 hex digits; rewritten when the controller gives a new key
	Readers  int    `json:"readers,omitempty"`
	Inputs   int    `json:"inputs,omitempty"`
	Outputs  int    `json:"outputs,omitempty"`
	Serial   uint32 `json:"serial"`
}

// Load reads a configuration file.
func Load(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read simulator configuration: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var c Config
	if err := dec.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("simulator configuration %s: %w", path, err)
	}
	return c, nil
}

// Run simulates the configured line until ctx ends. ready is called once, when the line can be opened.
func Run(ctx context.Context, c Config, log *slog.Logger, ready func(*World)) (err error) {
	note, written, err := c.truth()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, written()) }()
	devices, err := c.devices(note)
	if err != nil {
		return err
	}
	cards, err := c.cards()
	if err != nil {
		return err
	}
	w, err := New(devices, c.Doors, cards)
	if err != nil {
		return err
	}
	defer w.Wait()
	return c.serve(ctx, w, devices, log, ready)
}

func (c Config) serve(ctx context.Context, w *World, devices []*pd.Device, log *slog.Logger, ready func(*World)) error {
	tty, err := pty.Open(c.Line)
	if err != nil {
		return err
	}
	if c.PCSC != nil {
		d, err := c.PCSC.start(ctx)
		if err != nil {
			return err
		}
		defer d.Stop()
		w.pcsc, w.pcscd = c.PCSC.Reader, d
	}
	g, ctx := errgroup.WithContext(ctx)
	hangUp := sync.OnceValue(tty.Close)
	defer func() { _ = hangUp() }()                         // also waits: the next line may use the same link
	stop := context.AfterFunc(ctx, func() { _ = hangUp() }) // ends the reading goroutine
	defer stop()
	line, err := pd.NewLine(pd.Stream(ctx, tty), log, devices...)
	if err != nil {
		return err
	}
	w.noise = line.Noise
	g.Go(func() error {
		if err := line.Run(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	})
	g.Go(func() error { return control.Serve(ctx, c.Socket, w.Handle) })
	log.InfoContext(ctx, "simulated line ready", "tty", tty.Path(), "link", c.Line)
	ready(w)
	return g.Wait()
}

// truth opens the log of outputs. written closes it, and tells whether everything noted is in it.
func (c Config) truth() (note func(outlog.Row), written func() error, err error) {
	if c.OutLog == "" {
		return func(outlog.Row) {}, func() error { return nil }, nil
	}
	l, err := outlog.Open(c.OutLog)
	if err != nil {
		return nil, nil, err
	}
	return l.Append, l.Close, nil
}

// doorOf is the door whose strike an output is, or empty.
func (c Config) doorOf(device string, output int) string {
	i := slices.IndexFunc(c.Doors, func(d Door) bool { return d.Device == device && d.Strike == output })
	if i < 0 {
		return ""
	}
	return c.Doors[i].ID
}

func (c Config) devices(note func(outlog.Row)) ([]*pd.Device, error) {
	all := make([]*pd.Device, 0, len(c.Devices))
	for _, dc := range c.Devices {
		file := pd.KeyFile(dc.SCBKFile)
		key, err := file.Load()
		if err != nil {
			return nil, fmt.Errorf("device %s: %w", dc.Name, err)
		}
		d, err := pd.New(pd.Config{
			Name: dc.Name, Address: dc.Address, Key: key, KeepKey: file.Save,
			Readers: dc.Readers, Inputs: dc.Inputs, Outputs: dc.Outputs, Serial: dc.Serial,
			Energised: func(output int, at time.Time) {
				note(outlog.Row{At: at.UTC(), Door: c.doorOf(dc.Name, output), Device: dc.Name, Output: output})
			},
		}, rand.Reader)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func (c Config) cards() (map[string]string, error) {
	b, err := os.ReadFile(c.CardsFile)
	if err != nil {
		return nil, fmt.Errorf("read cards: %w", err)
	}
	cards := map[string]string{}
	if err := json.Unmarshal(b, &cards); err != nil {
		return nil, fmt.Errorf("cards file %s: %w", c.CardsFile, err)
	}
	return cards, nil
}
