package api

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/pki"
)

// Files below the data folder. Every one is for its owner only.
const (
	databaseFile     = "kanmon.db"
	keysFolder       = "keys"
	sealingKeyFile   = "sealing-key"
	authorityFile    = "ca.pem"          // the certificate of the site's authority, to be imported by who calls the console
	newAuthorityFile = "ca-new.pem"      // of these the new one alone, while it replaces another
	bootstrapFile    = "bootstrap-token" // there until the first account is made
	privateFolder    = 0o700
	privateFile      = 0o600
	writeProbeFile   = ".write-probe"
)

// program is what the lock on the data folder is for.
const program = "kanmon-api"

// openDataDir makes the data folder and proves that it can be written.
func openDataDir(dir string) error {
	err := os.MkdirAll(filepath.Join(dir, keysFolder), privateFolder)
	if err == nil {
		probe := filepath.Join(dir, writeProbeFile)
		err = errors.Join(os.WriteFile(probe, []byte("probe"), privateFile), os.Remove(probe))
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, fmt.Sprintf("the data folder %s cannot be used; give another data_dir, or make this one writable for the user that runs kanmon-api", dir))
	}
	return nil
}

// writeSecret writes a file so that after a crash it is there entirely or not at all.
func writeSecret(file, text string) error { return folder.Write(file, []byte(text+"\n")) }

// writeAuthorities is for who imports them: all that are trusted in one file, and while one replaces another the new one in a file of its own.
func (s *Server) writeAuthorities() error {
	dir := s.settings.DataDir
	if err := folder.Write(filepath.Join(dir, authorityFile), s.keys.TrustedPEM()); err != nil {
		return err
	}
	list, _ := s.keys.Authorities()
	if len(list) > 1 {
		return folder.Write(filepath.Join(dir, newAuthorityFile), pki.EncodeCertificate(list[len(list)-1]))
	}
	if err := os.Remove(filepath.Join(dir, newAuthorityFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Wrap(fault.Unavailable, err, "remove the file of a new authority that is no longer one")
	}
	return nil
}
