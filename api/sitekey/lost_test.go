package sitekey_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kanmon/api/keyrecord"
	"kanmon/api/sitekey"
	"kanmon/internal/db/dbtest"
	"kanmon/internal/fault"
	"kanmon/lifecycle/key"
	"kanmon/lifecycle/lifecycletest"
)

// R47-1: a key that nobody replaced is not replaced by itself: a sealed file that was lost, or put back from an older copy, is noticed by the register.
func TestALostKeyIsNoticedAndNotMadeAnewInSilence(t *testing.T) {
	for name, purpose := range map[string]string{
		"device-ca": key.DeviceCA, "command-key": key.Command, "credential-hash-key": key.CredentialHash, "centre-key": "centre", "checkpoint-key": key.Checkpoint,
	} {
		t.Run(name, func(t *testing.T) {
			register, cfg := key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store), config(t.TempDir(), nil)
			record := func() error { return keyrecord.Record(t.Context(), register, open(t, cfg), true) }
			if err := record(); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(cfg.Dir, name+".sealed")); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time the new file is there
				if err := record(); fault.CodeOf(err) != "sitekey.lost" {
					t.Fatalf("lost: %v", err)
				}
			}
			accept := func(names ...string) error {
				return keyrecord.Accept(t.Context(), register, open(t, cfg), true, names, act("控えもない"))
			}
			for _, names := range [][]string{nil, {"console"}, {purpose, "console"}} {
				if err := accept(names...); fault.CodeOf(err) != "sitekey.lost" || !strings.Contains(err.Error(), purpose) {
					t.Fatalf("accepted without being named, %v: %v", names, err)
				}
			}
			err := accept(purpose)
			if name == "checkpoint-key" {
				if fault.CodeOf(err) != "sitekey.lost" {
					t.Errorf("the key that the ledger stands on is accepted: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := record(); err != nil {
				t.Errorf("accepted, and then: %v", err)
			}
			list, err := register.List(t.Context(), lifecycletest.Manager)
			if err != nil {
				t.Fatal(err)
			}
			told := 0
			for _, one := range list {
				if one.Reason == "控えもない (山田)" {
					told++
				}
			}
			if told != 1 {
				t.Errorf("the register tells of %d keys that were accepted", told)
			}
		})
	}
}

// The older copy of the folder is refused; the database's older copy is not: what replaced its keys is in the files.
func TestAnOlderCopyOfTheKeysIsRefusedAndAnOlderDatabaseIsNot(t *testing.T) {
	for name, steps := range map[string][]func(*sitekey.Keys, sitekey.Act) error{
		"device-ca":   {authority(sitekey.Announce), authority(sitekey.Use), authority(sitekey.Retire)},
		"command-key": {command(sitekey.Announce), command(sitekey.Use), command(sitekey.Retire)},
	} {
		cfg := config(t.TempDir(), nil)
		yesterday, today := key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store), key.New(lifecycletest.Open(t, dbtest.SQLite(t)).Store)
		for _, register := range []*key.Register{yesterday, today} {
			if err := keyrecord.Record(t.Context(), register, open(t, cfg), true); err != nil {
				t.Fatal(err)
			}
		}
		var copies []copied // before each step
		for round := range 2 {
			for _, step := range steps {
				copies = append(copies, sealedFile(t, cfg, name))
				if err := keyrecord.Record(t.Context(), today, stepped(t, cfg, step), true); err != nil {
					t.Fatalf("%s, round %d: %v", name, round, err)
				}
			}
		}
		if err := keyrecord.Record(t.Context(), yesterday, open(t, cfg), true); err != nil {
			t.Errorf("%s: with yesterday's database: %v", name, err)
		}
		for i, c := range copies {
			c.back()
			if err := keyrecord.Record(t.Context(), today, open(t, cfg), true); fault.CodeOf(err) != "sitekey.lost" {
				t.Errorf("%s: keys before step %d: %v", name, i, err)
			}
		}
	}
}
