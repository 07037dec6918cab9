package epoch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"kanmon/internal/fault"
	"kanmon/internal/folder"
)

// State is how far the centre has been.
type State struct {
	Epoch      uint64 `json:"epoch"`
	LedgerSize int64  `json:"ledger_size"`
}

// behind reports whether a database in state s is older than one that was in state o.
func (s State) behind(o State) bool { return s.Epoch < o.Epoch || s.LedgerSize < o.LedgerSize }

// max is the farther of both, each number for itself.
func (s State) max(o State) State {
	return State{Epoch: max(s.Epoch, o.Epoch), LedgerSize: max(s.LedgerSize, o.LedgerSize)}
}

// read reads the file; false when there is none. A file that cannot be understood is an error: it might have told that the database is old.
func read(path string) (State, bool, error) {
	b, err := os.ReadFile(path) // a fixed name in the data folder
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, fault.Wrap(fault.Unavailable, err, "read the centre's state")
	}
	var s State
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil || s.Epoch == 0 || s.LedgerSize < 0 {
		return State{}, false, fault.New(fault.Invalid, "centre.state", path+" cannot be understood: remove it, and run kanmon-api new-epoch"+
			" if the database may have been put back from a copy")
	}
	return s, true, nil
}

// write replaces the file; after a power cut the old content is there or the new one.
func write(path string, s State) error {
	b, err := json.Marshal(s)
	if err == nil {
		err = folder.Write(path, append(b, '\n'))
	}
	return fault.Wrap(fault.Unavailable, err, "write the centre's state")
}
