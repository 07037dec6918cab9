package main

import (
	"flag"
	"fmt"
	"io"
	"os/user"
	"strings"
	"time"
	"unicode"

	"kanmon/controller"
	"kanmon/internal/event"
	"kanmon/internal/fault"
)

// rekey makes a new secure channel key for a device, or shows how the keys stand; it never shows a key. The controller must not be
// running: it gives the key to the device over the device's own line, in its secure channel, at the next start.
func rekey(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("kanmon-controller rekey", flag.ContinueOnError)
	flags.SetOutput(stderr)
	config := flags.String("config", "", "configuration `file` (JSON)")
	device := flags.String("device", "", "`name` of the device that is to have a new key")
	reason := flags.String("reason", "", "`text` for the record: why; one line, needed with -device")
	show := flags.Bool("show", false, "list the devices and whether a new key is pending, and end")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	who := operator()
	if *config == "" || *show == (*device != "") || *show == (*reason != "") || !oneLine(*reason+who) || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	cfg, err := controller.LoadConfig(*config)
	if err != nil {
		return wrong(stderr, err)
	}
	log, _ := newLog(stderr, "text") // a form there is
	if *show {
		states, err := controller.KeyStates(cfg, log)
		if err != nil {
			return wrong(stderr, err)
		}
		showKeys(stdout, states)
		return 0
	}
	return pending(stdout, stderr, *device, controller.Rekey(cfg, *device, *reason+who, log))
}

// operator is who runs the program, as it stands behind the reason in the record.
func operator() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return " (" + u.Username + ")"
}

// oneLine reports a text that fits into a record.
func oneLine(text string) bool {
	return len(text) <= event.MaxDetail && !strings.ContainsFunc(text, unicode.IsControl)
}

// pending says what became of a new key.
func pending(stdout, stderr io.Writer, device string, err error) int {
	switch {
	case err == nil:
		_, _ = fmt.Fprintf(stdout, `%[1]s の新しい鍵を作りました。次に制御装置を起動すると、暗号化された回線で機器に渡し、機器が新しい鍵を持っていることを確かめてから古い鍵を捨てます。
A new key for %[1]s is made. The controller gives it to the device over its secure line at the next start, and drops the old one when the
device has proved that it holds the new one.
`, device)
		return 0
	case fault.KindOf(err) == fault.Conflict || fault.KindOf(err) == fault.Unavailable:
		_, _ = fmt.Fprintf(stderr, "鍵は作りませんでした。/ no key was made: %v\n", err)
		return 1
	default:
		return wrong(stderr, err)
	}
}

func showKeys(w io.Writer, states []controller.KeyState) {
	for _, s := range states {
		if !s.Changing() {
			_, _ = fmt.Fprintf(w, "%s\tpresent\n", s.Device)
			continue
		}
		_, _ = fmt.Fprintf(w, "%s\tpending since %s\t%s\n", s.Device, s.Since.UTC().Format(time.RFC3339), s.Reason)
	}
}
