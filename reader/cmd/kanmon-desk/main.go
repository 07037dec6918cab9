// Command kanmon-desk is the agent on a PC of the staff with a card reader: what is held to the reader comes to the page of the console that waits for
// it, and a card that is left in the reader is noticed.
//
//	kanmon-desk enroll -config desk.json -token … -url https://… [-ca FILE]   once, and again after a revocation
//	kanmon-desk [run] -config desk.json            run until SIGINT or SIGTERM
//	kanmon-desk [run] -config desk.json -check     read the configuration and the key, and say what is wrong
//
// It listens on no port and logs to standard error. The exit status is 0 after a clean end, 1 after a failure, 2 for wrong arguments or configuration.
package main

import (
	"context"
	"fmt"
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
		case "run":
			args = args[1:]
		}
	}
	return runDesk(ctx, args, stdout, stderr)
}

func wrong(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "kanmon-desk: %v\n", err)
	return 2
}
