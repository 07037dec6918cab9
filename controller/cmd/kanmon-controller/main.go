// Command kanmon-controller runs the doors of one controller: it decides at the door, writes every decision down
// before it opens, and reports to the centre when it can.
//
//	kanmon-controller enroll -config controller.json --token … [--url https://…] [--ca FILE]   once, and again after a revocation
//	kanmon-controller [run] -config controller.json          run until SIGINT or SIGTERM
//	kanmon-controller [run] -config controller.json -check   read the configuration and all keys, and say what is wrong
//	kanmon-controller rekey -config controller.json -device NAME -reason TEXT   make a new key for a device; the next start gives it to it
//	kanmon-controller replay -config controller.json [-from N] [-to N] [-quiet]   make the decisions of the journal again and show that they agree
//	kanmon-controller rekey -config controller.json -show    list the devices and whether a new key is pending
//
// Enrolling makes the controller's keys on this machine and has them certified by the centre; see enroll.go.
// It logs to standard error. The exit status is 0 after a clean end, 1 after a failure, 2 for wrong arguments or
// configuration.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "enroll":
			return enroll(ctx, args[1:], stdout, stderr)
		case "rekey":
			return rekey(args[1:], stdout, stderr)
		case "replay":
			return replayJournal(ctx, args[1:], stdout, stderr)
		case "run":
			args = args[1:]
		}
	}
	return runDoors(ctx, args, stdout, stderr)
}
