package desk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/pcsc"
	"kanmon/reader/pcsc/apdu"
)

// FileConfig is the agent's configuration file (JSON).
type FileConfig struct {
	Desk    string       `json:"desk"`     // its name at the centre
	DataDir string       `json:"data_dir"` // for its key and certificate; relative to the file
	Readers []FileReader `json:"readers"`
}

// FileReader is one PC/SC reader.
type FileReader struct {
	Name   string      `json:"name"`             // as the console shows it
	Reader string      `json:"reader"`           // its name in PC/SC; * stands for any characters
	Signs  string      `json:"signs,omitempty"`  // acr1252 or acr122: by which commands it shows colours and beeps; empty: not at all
	FeliCa *FileFeliCa `json:"felica,omitempty"` // what is read of FeliCa cards; without it their IDm is
}

// FileFeliCa is a service that is read without encryption, as in the controllers' configuration.
type FileFeliCa struct {
	System  string `json:"system"`
	Service string `json:"service"`
	Blocks  []int  `json:"blocks"`
	From    int    `json:"from,omitempty"`
	Length  int    `json:"length,omitempty"`
	By      string `json:"by,omitempty"`
}

// ReadConfig reads the file and checks it. Errors are Invalid.
func ReadConfig(file string) (FileConfig, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return FileConfig{}, fault.Wrap(fault.Invalid, err, "read the configuration")
	}
	var c FileConfig
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return FileConfig{}, fault.Wrap(fault.Invalid, err, file)
	}
	if !filepath.IsAbs(c.DataDir) {
		c.DataDir = filepath.Join(filepath.Dir(file), c.DataDir)
	}
	return c, c.check()
}

func (c FileConfig) check() error {
	if c.Desk == "" || len(c.Readers) == 0 {
		return fault.New(fault.Invalid, "desk.config", "desk and readers must be given")
	}
	names := map[string]bool{}
	for _, r := range c.Readers {
		if r.Name == "" || names[r.Name] {
			return fault.New(fault.Invalid, "desk.config", fmt.Sprintf("a reader needs a name of its own, not %.40q", r.Name))
		}
		names[r.Name] = true
		if _, err := r.driver(slog.New(slog.DiscardHandler), func(pcsc.Event) {}); err != nil {
			return err
		}
	}
	return nil
}

// IdentityDir is where the key and the certificate lie.
func (c FileConfig) IdentityDir() string { return filepath.Join(c.DataDir, "identity") }

// SealingKeyFile is the key that seals the desk's own.
func (c FileConfig) SealingKeyFile() string { return filepath.Join(c.DataDir, "sealing-key") }

// Attach gives an agent the readers.
func (c FileConfig) Attach(a *Agent, log *slog.Logger) error {
	for _, r := range c.Readers {
		d, err := r.driver(log.With(slog.String("reader", r.Name)), func(e pcsc.Event) { tell(a, r.Name, e) })
		if err != nil {
			return err
		}
		a.Attach(r.Name, d)
	}
	return nil
}

func (r FileReader) driver(log *slog.Logger, emit func(pcsc.Event)) (reader.Driver, error) {
	plan, err := r.plan()
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "reader "+r.Name)
	}
	d, err := pcsc.New(pcsc.Config{Pattern: r.Reader, Plan: plan, Signs: apdu.Model(r.Signs), Emit: emit, Log: log})
	return d, fault.Wrap(fault.Invalid, err, "reader "+r.Name)
}

func (r FileReader) plan() (apdu.Plan, error) {
	f := r.FeliCa
	if f == nil {
		return apdu.Plan{}, nil
	}
	s := apdu.Service{From: f.From, Length: f.Length}
	for _, code := range []struct {
		text string
		into *uint16
	}{{f.System, &s.System}, {f.Service, &s.Service}} {
		n, err := strconv.ParseUint(code.text, 16, 16)
		if err != nil || len(code.text) != 4 {
			return apdu.Plan{}, fault.New(fault.Invalid, "desk.config", fmt.Sprintf("felica: %.10q is not 4 hex digits", code.text))
		}
		*code.into = uint16(n)
	}
	for _, n := range f.Blocks {
		if n < 0 || n > 255 {
			return apdu.Plan{}, fault.New(fault.Invalid, "desk.config", fmt.Sprintf("felica: block %d", n))
		}
		s.Blocks = append(s.Blocks, byte(n))
	}
	return apdu.Plan{Service: &s, By: apdu.Dialect(f.By)}, fault.Wrap(fault.Invalid, s.Check(apdu.Dialect(f.By)), "felica")
}

// tell says what a reader has to say. A card that only lay there when it was seen first answers no question, but may have been left.
func tell(a *Agent, name string, e pcsc.Event) {
	switch e := e.(type) {
	case pcsc.Card:
		if e.Lay {
			a.Lies(name, e.Credential, e.At)
			return
		}
		a.Present(reader.Presentation{Reader: name, Credential: e.Credential, Trust: e.Trust, At: e.At})
	case pcsc.Failed:
		a.Fail(name, e.Err)
	case pcsc.Removed:
		a.Removed(name)
	case pcsc.Up:
		a.Up(name)
	case pcsc.Down:
		a.Down(name, e.Detail)
	}
}

var _ reader.Sink = (*Agent)(nil)
