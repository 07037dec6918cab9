package pki_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
	"kanmon/internal/pki"
)

func vault(t *testing.T) (string, *pki.Vault) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	v, err := pki.NewVault(dir, sealer(t))
	if err != nil {
		t.Fatal(err)
	}
	return dir, v
}

func write(t *testing.T, file, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTwoSealedFilesCannotBeExchanged(t *testing.T) {
	dir, v := vault(t)
	if err := v.Save("command", []byte("may open doors")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "command.sealed"), filepath.Join(dir, "checkpoint.sealed")); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Load("checkpoint"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%q, %v", got, err)
	}
}

func TestASecretThatDoesNotOpenIsNotMadeAnew(t *testing.T) {
	dir, v := vault(t)
	file := write(t, filepath.Join(dir, "command.sealed"), "kanmon-sealed-v1:AAAA", 0o600)
	_, err := v.LoadOrMake("command", func() ([]byte, error) { t.Error("made anew"); return []byte("new"), nil })
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.HasSuffix(string(b), "AAAA") {
		t.Errorf("%q, %v", b, err)
	}
}

func TestAllWhoAskForAMissingSecretAtOnceGetTheSame(t *testing.T) {
	_, v := vault(t)
	got := make([][]byte, 16)
	var wait sync.WaitGroup
	for i := range got {
		wait.Go(func() {
			got[i], _ = v.LoadOrMake("command", func() ([]byte, error) { return pki.NewSigningKey().Seed(), nil })
		})
	}
	wait.Wait()
	for _, b := range got {
		if len(b) != 32 || !bytes.Equal(b, got[0]) {
			t.Fatal("different keys")
		}
	}
}

func TestAnotherPlainSecretBesideTheSealedOneIsLeftForAPerson(t *testing.T) {
	dir, v := vault(t)
	if err := v.Save("hash", []byte("in use")); err != nil {
		t.Fatal(err)
	}
	plain := write(t, filepath.Join(dir, "old"), "another\n", 0o600)
	if err := v.Adopt("hash", plain); fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
	if b, err := v.Load("hash"); err != nil || string(b) != "in use" {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := os.ReadFile(plain); err != nil || string(b) != "another\n" {
		t.Errorf("%q, %v", b, err)
	}
	write(t, plain, "in use\n", 0o600) // as after a crash between sealing and removing
	if err := v.Adopt("hash", plain); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(plain); !os.IsNotExist(err) {
		t.Errorf("the plain file is still there: %v", err)
	}
}

func TestAPlainSecretThatOthersCouldReadIsNotAdopted(t *testing.T) {
	dir, v := vault(t)
	plain := write(t, filepath.Join(dir, "old"), "known to all", 0o644)
	if err := v.Adopt("hash", plain); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
	if there, err := v.Has("hash"); there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
}

func TestTheFolderOfSecretsIsForItsOwnerOnlyAndARemovedSecretIsGone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	v, err := pki.NewVault(dir, sealer(t))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := v.Save("hash", nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := v.Remove("hash"); err != nil {
			t.Error(err)
		}
	}
	if _, err := v.Load("hash"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

func TestANameThatLeavesTheFolderIsAMistakeInTheProgram(t *testing.T) {
	_, v := vault(t)
	for _, name := range []string{"", "../x", "a/b", ".hidden", "UPPER"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was taken", name)
				}
			}()
			_ = v.Save(name, nil)
		}()
	}
}

func TestASealingKeyThatIsNoneIsRefusedWithoutQuotingIt(t *testing.T) {
	for _, text := range []string{"", "feedfacefeedface", strings.Repeat("feedface", 9), strings.Repeat("feedfac-", 8)} {
		file := write(t, filepath.Join(t.TempDir(), "key"), text, 0o600)
		if _, err := pki.OpenSealer(file, true); fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "feedfac") {
			t.Errorf("%v", err)
		}
	}
	if _, err := pki.OpenSealer(t.TempDir(), true); err == nil {
		t.Error("a folder was taken for a key")
	}
}

func TestNothingButWholeFilesAreLeftInTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := folder.Write(filepath.Join(dir, "taken"), []byte("x")); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("wrote over a folder: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// A crash in the middle of Save leaves a file beside the sealed one. It does not outlive the secret.
func TestWhatACrashLeftBesideASecretIsSwept(t *testing.T) {
	dir := t.TempDir()
	sealer, err := pki.OpenSealer(filepath.Join(dir, "sealing-key"), true)
	if err != nil {
		t.Fatal(err)
	}
	v, err := pki.NewVault(filepath.Join(dir, "keys"), sealer)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Save("one", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, "keys", "one.sealed.new123")
	if err := os.WriteFile(left, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := v.Sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if b, err := v.Load("one"); err != nil || string(b) != "secret" {
		t.Errorf("the secret itself: %q, %v", b, err)
	}
}
