package pd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"kanmon/internal/folder"
	"kanmon/reader/osdp"
)

// takeKey takes a new key: stored first, in force with the next handshake. The session that brought it ends with the answer.
func (d *Device) takeKey(f osdp.Frame) (osdp.Code, []byte) {
	set, err := osdp.ParseKeySet(f.Data)
	switch {
	case errors.Is(err, osdp.ErrWeakKey):
		return nak(osdp.NakRecord)
	case err != nil:
		return nakOf(err)
	}
	if d.config.KeepKey != nil {
		if err := d.config.KeepKey(set.Key); err != nil {
			return nak(osdp.NakRecord)
		}
	}
	d.protocol.key, d.protocol.rekeyed = set.Key, true
	return osdp.ReplyAck, nil
}

// KeyFile is the path of a file with a device's key, 32 hex digits: what a real device keeps in its flash.
type KeyFile string

// Load reads the key.
func (k KeyFile) Load() (osdp.Key, error) {
	text, err := os.ReadFile(string(k))
	if err != nil {
		return osdp.Key{}, fmt.Errorf("read key: %w", err)
	}
	return osdp.ParseKey(string(text))
}

// Save replaces the key. When it returns nil the key is on disk; after a crash the old or the new one is there, whole.
func (k KeyFile) Save(key osdp.Key) error {
	return folder.Write(string(k), []byte(hex.EncodeToString(key.Reveal())+"\n"))
}
