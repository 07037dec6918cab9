package taps

import (
	"io/fs"

	"kanmon/api/message"
)

// sharedFiles is the folder of the words that other rooms use too.
func sharedFiles() fs.FS {
	sub, err := fs.Sub(shared, "shared")
	if err != nil {
		return shared // cannot be: the name is a constant
	}
	return sub
}

// words are those of the page, and those of every page that waits for a card.
func words() (message.Catalogue, error) {
	own, err := message.Load(files)
	if err != nil {
		return message.Catalogue{}, err
	}
	all, err := Words()
	if err != nil {
		return message.Catalogue{}, err
	}
	return message.Join(all, own)
}
