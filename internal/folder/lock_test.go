package folder_test

import (
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
