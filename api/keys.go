package api

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kanmon/internal/fault"
	"kanmon/internal/ledger"
	"kanmon/internal/store"
	"kanmon/reader/credential"
)

// Files below the data folder. Every one is for its owner only.
const (
	databaseFile   = "kanmon.db"
	keysFolder     = "keys"
	ledgerKeyFile  = "ledger-signing-key"  // the checkpoint signing key, in the form of sumdb/note
	hashKeyFile    = "credential-hash-key" // 64 hex digits
	lockFile       = "lock"
	bootstrapFile  = "bootstrap-token" // there until the first account is made
	privateFolder  = 0o700
	privateFile    = 0o600
	writeProbeFile = ".write-probe"
)

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

// keys are the secrets of a site that lie in files.
type keys struct {
	ledger *ledger.Signer
	hash   credential.HashKey
}

// openKeys reads the key files and makes those that are not there yet.
func openKeys(dir, origin string) (keys, error) {
	signer, err := store.OpenSigner(filepath.Join(dir, keysFolder, ledgerKeyFile), origin)
	if err != nil {
		return keys{}, err
	}
	hash, err := openHashKey(filepath.Join(dir, keysFolder, hashKeyFile))
	return keys{ledger: signer, hash: hash}, err
}

func openHashKey(file string) (credential.HashKey, error) {
	text, err := readOrMake(file, func() (string, error) {
		var b [32]byte
		_, _ = rand.Read(b[:]) // crypto/rand never fails: it ends the program first
		return hex.EncodeToString(b[:]), nil
	})
	if err != nil {
		return credential.HashKey{}, err
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return credential.HashKey{}, fault.New(fault.Invalid, "", "credential hash key "+file+" is not hex")
	}
	key, err := credential.NewHashKey(b)
	return key, fault.Wrap(fault.Invalid, err, "credential hash key "+file)
}

// readOrMake returns the text of a secret file. One that others may read is refused: it is no secret any more.
func readOrMake(file string, fresh func() (string, error)) (string, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text, err := fresh()
		if err != nil {
			return "", err
		}
		return text, writeSecret(file, text)
	case err != nil:
		return "", fault.Wrap(fault.Unavailable, err, "look at a key file")
	case info.Mode().Perm()&0o077 != 0:
		return "", fault.New(fault.Invalid, "", file+" may be read by others: chmod 600, and think of making a new one")
	}
	b, err := os.ReadFile(file) // a fixed name in the data folder
	return strings.TrimSpace(string(b)), fault.Wrap(fault.Unavailable, err, "read a key file")
}

// writeSecret writes a file so that after a crash it is there entirely or not at all.
func writeSecret(file, text string) error {
	temp := file + ".new"
	err := func() error {
		f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, privateFile) // a fixed name in the data folder
		if err != nil {
			return err
		}
		_, werr := f.WriteString(text + "\n")
		return errors.Join(werr, f.Sync(), f.Close())
	}()
	if err == nil {
		err = os.Rename(temp, file)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(file))
	}
	return fault.Wrap(fault.Unavailable, err, "write "+file)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir) // the data folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
