package devicekey

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"kanmon/internal/fault"
	"kanmon/internal/pki"
	"kanmon/reader/osdp"
)

// record is the form in which Keys are sealed.
type record struct {
	Present  string    `json:"present"`
	Pending  string    `json:"pending,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Leftover string    `json:"leftover,omitempty"`
}

// load opens what is sealed of a device: fault.NotFound when nothing is. The keys are held to the rules of every key.
func (s *Store) load(device string) (Keys, error) {
	b, err := pki.OpenVault(s.dir, s.sealer).Load(name(device))
	if err != nil {
		return Keys{}, err
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return Keys{}, fault.New(fault.Invalid, "devicekey.record", "what is sealed of "+device+" is not a key") // the cause could quote it
	}
	k := Keys{Reason: r.Reason, Since: r.Since, leftover: r.Leftover}
	if k.Present, err = osdp.ParseKey(r.Present); err == nil && r.Pending != "" {
		k.Pending, err = osdp.ParseKey(r.Pending)
	}
	return k, fault.Wrap(fault.Invalid, err, "the sealed key")
}

func (s *Store) save(device string, k Keys) error {
	b, err := json.Marshal(record{
		Present: hex.EncodeToString(k.Present.Reveal()), Pending: hex.EncodeToString(k.Pending.Reveal()),
		Reason: k.Reason, Since: k.Since, Leftover: k.leftover,
	})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "encode a key")
	}
	v, err := pki.NewVault(s.dir, s.sealer)
	if err != nil {
		return err
	}
	return v.Save(name(device), b)
}

// readFile reads a plain key; no file is the zero key. The error does not repeat what is in the file.
func readFile(file string) (osdp.Key, error) {
	if file == "" {
		return osdp.Key{}, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return osdp.Key{}, nil
	}
	if err != nil {
		return osdp.Key{}, fault.Wrap(fault.Invalid, err, "read it")
	}
	k, err := osdp.ParseKey(string(text))
	return k, fault.Wrap(fault.Invalid, err, file)
}
