package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"kanmon/controller"
)

// runDoors runs the controller, or checks what it would run with.
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
