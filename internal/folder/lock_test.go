package folder_test

import (
	"os"
	"strings"
	"testing"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
)

func TestAFolderIsForOneProgramAtATime(t *testing.T) {
	dir := t.TempDir()
	first, err := folder.Take(dir, "kanmon-api")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Take(dir, "kanmon-api"); fault.CodeOf(err) != "folder.in_use" || !strings.Contains(err.Error(), dir) {
		t.Errorf("taken twice: %v", err)
	}
	for range 2 {
		if err := first.Release(); err != nil {
			t.Error(err)
		}
	}
	second, err := folder.Take(dir, "kanmon-api")
	if err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
	if _, err := folder.Take(dir+"/none", "kanmon-api"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("no such folder: %v", err)
	}
}

// Who runs a command as root on the service's folder would leave it files that it cannot read.
func TestACommandIsForTheOwnerOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := folder.Own(dir); err != nil {
		t.Errorf("its own: %v", err)
	}
	if os.Geteuid() != 0 {
		dir = "/" // somebody else's
	} else if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := folder.Own(dir); fault.CodeOf(err) != "folder.owner" || !strings.Contains(err.Error(), dir) {
		t.Errorf("another user's: %v", err)
	}
	if err := folder.Own(dir + "/none"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("none: %v", err)
	}
}
