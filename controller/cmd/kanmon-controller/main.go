// Command kanmon-controller runs the doors of one controller: it decides at the door, writes every decision down
// before it opens, and reports to the centre when it can.
//
//	kanmon-controller enroll -config controller.json --token … [--url https://…] [--ca FILE]   once, and again after a revocation
//	kanmon-controller [run] -config controller.json          run until SIGINT or SIGTERM
//	kanmon-controller [run] -config controller.json -check   read the configuration and all keys, and say what is wrong
//
// Enrolling makes the controller's keys on this machine and has them certified by the centre; see enroll.go.
// It logs to standard error. The exit status is 0 after a clean end, 1 after a failure, 2 for wrong arguments or
// configuration.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"kanmon/controller"
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
	return runDoors(ctx, args, stdout, stderr)
}

func runDoors(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("kanmon-controller", flag.ContinueOnError)
	flags.SetOutput(stderr)
	config := flags.String("config", "", "configuration `file` (JSON)")
	check := flags.Bool("check", false, "check the configuration and its keys, and end")
	format := flags.String("log", "text", "form of the log: text or json")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	log, err := newLog(stderr, *format)
	if err != nil || *config == "" || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	cfg, err := controller.LoadConfig(*config)
	if err != nil {
		return wrong(stderr, err)
	}
	edge, err := controller.NewEdge(cfg, log)
	if err != nil {
		return wrong(stderr, err)
	}
	if *check {
		_, _ = fmt.Fprintf(stdout, "%s: controller %s of site %s, %d lines, %d doors: good\n", *config, cfg.Controller, cfg.Site, len(cfg.Lines), len(cfg.Doors))
		return 0
	}
	log.InfoContext(ctx, "controller starts", "controller", cfg.Controller, "site", cfg.Site)
	if err := edge.Run(ctx); err != nil {
		log.ErrorContext(ctx, "controller failed", "error", err)
		return 1
	}
	log.InfoContext(ctx, "controller ended", "controller", cfg.Controller)
	return 0
}

func wrong(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintln(stderr, err)
	return 2
}

func newLog(w io.Writer, format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	default:
		return nil, fmt.Errorf("log format %q", format)
	}
}
