package sitekey_test

import (
	"os"
	"path/filepath"
	"testing"

	"kanmon/api/keyrecord"
	"kanmon/api/sitekey"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/pki"
	"kanmon/lifecycle/key"
	"kanmon/lifecycle/lifecycletest"
)

// recorder enters keys into a register of keys and returns what it has then, by purpose.
func recorder(t *testing.T) func(*sitekey.Keys) map[string]key.Key {
	t.Helper()
	register := key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store)
	return func(k *sitekey.Keys) map[string]key.Key {
		t.Helper()
		if err := keyrecord.Record(t.Context(), register, k, false); err != nil {
			t.Fatal(err)
		}
		list, err := register.List(t.Context(), lifecycletest.Manager)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]key.Key{}
		for _, one := range list {
			by[one.Purpose] = one
		}
		return by
	}
}

// vaultOf opens the folder of the sealed keys.
func vaultOf(t *testing.T, cfg sitekey.Config) *pki.Vault {
	t.Helper()
	sealer, err := pki.OpenSealer(cfg.SealingKey, false)
	if err != nil {
		t.Fatal(err)
	}
	vault, err := pki.NewVault(cfg.Dir, sealer)
	if err != nil {
		t.Fatal(err)
	}
	return vault
}

// plain is what a sealed file holds.
func plain(t *testing.T, cfg sitekey.Config, name string) string {
	t.Helper()
	b, err := vaultOf(t, cfg).Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// copied is a sealed file as it was.
type copied struct {
	t    *testing.T
	file string
	b    []byte
}

func sealedFile(t *testing.T, cfg sitekey.Config, name string) copied {
	t.Helper()
	file := filepath.Join(cfg.Dir, name+".sealed")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return copied{t, file, b}
}

func (c copied) back() {
	c.t.Helper()
	if err := os.WriteFile(c.file, c.b, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// command, authority and hashKey are a step of the rotation of that key.
func command(s sitekey.Step) func(*sitekey.Keys, sitekey.Act) error {
	return func(k *sitekey.Keys, a sitekey.Act) error { return k.CommandRotation().Take(s, a) }
}

func authority(s sitekey.Step) func(*sitekey.Keys, sitekey.Act) error {
	return func(k *sitekey.Keys, a sitekey.Act) error { return k.AuthorityRotation().Take(s, a) }
}

func hashKey(s sitekey.Step) func(*sitekey.Keys, sitekey.Act) error {
	return func(k *sitekey.Keys, a sitekey.Act) error { return k.HashKeyRotation().Take(s, a) }
}
