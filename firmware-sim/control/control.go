// Package control is how a command reaches a running simulator: one JSON request and one JSON answer a
// connection, over a Unix socket that only its owner may open.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Op is what a person would do at the door.
type Op string

// Operations.
const (
	Tap    Op = "tap"    // hold a card to a reader, and walk through if the door opens
	Hold   Op = "hold"   // hold a card to a reader and look at nothing: for many in a row
	Open   Op = "open"   // push the door, released or not
	Close  Op = "close"  // shut it
	Exit   Op = "exit"   // press the button inside
	Unplug Op = "unplug" // the device falls silent
	Plug   Op = "plug"   // and comes back
	Tamper Op = "tamper" // its cover is opened
	Noise  Op = "noise"  // bytes of no frame on the line
	State  Op = "state"  // how everything is

	Fire      Op = "fire"       // the building's fire alarm begins
	FireClear Op = "fire-clear" // and is over
	Gas       Op = "gas"        // the gas of a fire suppression is released
	GasClear  Op = "gas-clear"  // and has gone
)

// Request is one operation. Reader, Card, Door and Device are names of the simulator's configuration.
type Request struct {
	Op     Op     `json:"op"`
	Reader string `json:"reader,omitempty"`
	Card   string `json:"card,omitempty"`
	Door   string `json:"door,omitempty"`
	Device string `json:"device,omitempty"`
	Stay   bool   `json:"stay,omitempty"`   // tap only: do not walk through
	Broken string `json:"broken,omitempty"` // tap and hold at a serial reader: how its frame is broken on the line
}

// Answer is what the person saw.
type Answer struct {
	Error    string   `json:"error,omitempty"`
	LED      string   `json:"led,omitempty"`   // green, red, amber; empty: the reader showed nothing
	Beeps    int      `json:"beeps,omitempty"` //
	Released bool     `json:"released,omitempty"`
	AfterMS  int64    `json:"after_ms,omitempty"` // from the card's reply on the line to the strike (or the red light)
	Lines    []string `json:"lines,omitempty"`    // state: one line a thing
}

const (
	requestLimit = 4096
	patience     = 15 * time.Second
)

// Serve answers requests at the socket until ctx ends. handle may be called from many goroutines.
func Serve(ctx context.Context, socket string, handle func(context.Context, Request) Answer) error {
	if err := os.MkdirAll(filepath.Dir(socket), 0o750); err != nil {
		return fmt.Errorf("make control folder: %w", err)
	}
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove old control socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("listen on control socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		_ = l.Close() // the first error is the one to report
		return fmt.Errorf("protect control socket: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // makes Accept return
	defer stop()
	var busy sync.WaitGroup
	defer busy.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept on control socket: %w", err)
		}
		busy.Go(func() { answer(ctx, c, handle) })
	}
}

func answer(ctx context.Context, c net.Conn, handle func(context.Context, Request) Answer) {
	defer func() { _ = c.Close() }() // both sides are done with it
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline) // a connection that cannot take one fails at its first read
	}
	hurry := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // who says nothing holds nothing up
	defer hurry()
	b := make([]byte, requestLimit)
	n, err := c.Read(b)
	if err != nil {
		return
	}
	var r Request
	a := Answer{}
	if err := json.Unmarshal(b[:n], &r); err != nil {
		a.Error = "request is not JSON"
	} else {
		a = handle(ctx, r)
	}
	_ = json.NewEncoder(c).Encode(a) // the person went away
}

// Ask sends one request to the simulator at socket.
func Ask(ctx context.Context, socket string, r Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return Answer{}, fmt.Errorf("the simulator does not answer at %s (is it running?): %w", socket, err)
	}
	defer func() { _ = c.Close() }() // only read from here on
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline) // a connection that cannot take one fails at its first write
	}
	if err := json.NewEncoder(c).Encode(r); err != nil {
		return Answer{}, fmt.Errorf("ask simulator: %w", err)
	}
	var a Answer
	if err := json.NewDecoder(c).Decode(&a); err != nil {
		return Answer{}, fmt.Errorf("read simulator's answer: %w", err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}
