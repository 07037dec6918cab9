package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"

	"kanmon/firmware-sim/vreader"
	"kanmon/firmware-sim/world"
)

// PCSCReader is the virtual PC/SC reader, at the archive's door.
const PCSCReader = "PC-1"

// ICCard is 佐藤's FeliCa card, as the command line calls it.
const ICCard = "佐藤IC"

// What is read of it: eight bytes of the first block of a service.
const (
	icSystem  = "FE00"
	icService = "1A8B"
	icLength  = 8
)

func (f Files) pcsc() string { return filepath.Join(f.simDir(), "pcsc") }

func pcscReader() body {
	return body{
		"name": PCSCReader, "reader": "Virtual PCD A *", "left_after_seconds": 60,
		"felica": body{"system": icSystem, "service": icService, "blocks": []int{0}, "from": world.ServiceFrom, "length": icLength},
	}
}

// withPCSC gives a new city a virtual PC/SC reader and a card for it, where this machine has virtual readers.
func (c *City) withPCSC() error {
	if vreader.Missing() != nil {
		return nil
	}
	number := make([]byte, icLength)
	_, _ = rand.Read(number) // never fails
	c.PCSC = true
	c.Cards[ICCard] = "felica:96:fe001a8b" + hex.EncodeToString(number)
	if err := writeJSON(c.Files.Cards(), c.Cards); err != nil {
		return err
	}
	return c.Configure()
}

// knowsPCSC takes the virtual PC/SC reader of a city that was made with one, if this machine still has them.
func (c *City) knowsPCSC() error {
	_, made := c.Cards[ICCard]
	if !made || vreader.Missing() != nil {
		return nil
	}
	c.PCSC = true
	return c.Configure()
}

// seedPCSC registers the reader and the card.
func (c *City) seedPCSC(ctx context.Context, centre *Client) error {
	if !c.PCSC {
		return nil
	}
	if err := centre.post(ctx, "readers", body{"name": PCSCReader, "controller": Controller, "kind": "pcsc_reader", "address": 0}, nil); err != nil {
		return err
	}
	return centre.post(ctx, "cards", body{"label": "IC-0001", "person": people()[0].No, "credential": c.Cards[ICCard]}, nil)
}

// pcscEnv is where the controller finds the daemon of the virtual reader.
func (c *City) pcscEnv() []string {
	if !c.PCSC {
		return nil
	}
	return append(os.Environ(), vreader.Env+"="+filepath.Join(c.Files.pcsc(), "run", "pcscd.comm"))
}

// pcscLine says in the banner what there is.
func (c *City) pcscLine() string {
	if c.PCSC {
		return "PC/SC       仮想リーダー " + PCSCReader + " が書庫にあります(カード: " + ICCard + ")"
	}
	if err := vreader.Missing(); err != nil {
		return "PC/SC       仮想リーダーはありません(" + err.Error() + ")"
	}
	return "PC/SC       仮想リーダーはありません(このデモは仮想リーダーなしで作られました)"
}
