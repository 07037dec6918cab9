package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"kanmon/internal/folder"
	"kanmon/internal/pki"
	"kanmon/reader/desk"
)

func runDesk(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("kanmon-desk", flag.ContinueOnError)
	flags.SetOutput(stderr)
	config := flags.String("config", "", "configuration `file` (JSON)")
	check := flags.Bool("check", false, "read the configuration and the key, and say what is wrong")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *config == "" || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	cfg, err := desk.ReadConfig(*config)
	if err != nil {
		return wrong(stderr, err)
	}
	id, err := load(cfg)
	if err != nil {
		return wrong(stderr, err)
	}
	if *check {
		_, _ = fmt.Fprintf(stdout, "%s: %d readers: good\n", id.Desk, len(cfg.Readers))
		return 0
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if err := work(ctx, cfg, id, log); err != nil {
		log.ErrorContext(ctx, "kanmon-desk ends", slog.Any("error", err))
		return 1
	}
	return 0
}

func load(cfg desk.FileConfig) (desk.Identity, error) {
	sealer, err := pki.OpenSealer(cfg.SealingKeyFile(), false)
	if err != nil {
		return desk.Identity{}, fmt.Errorf("not enrolled yet, or its key is lost: run kanmon-desk enroll: %w", err)
	}
	return desk.Load(cfg.IdentityDir(), sealer)
}

func work(ctx context.Context, cfg desk.FileConfig, id desk.Identity, log *slog.Logger) (err error) {
	lock, err := folder.Take(cfg.DataDir, "kanmon-desk")
	if err != nil {
		return err
	}
	defer func() {
		if e := lock.Release(); err == nil {
			err = e
		}
	}()
	centre := desk.NewCentre(cfg.IdentityDir(), id, time.Now, log)
	defer centre.Close()
	agent := desk.New(desk.Config{Link: centre, Software: "kanmon-desk " + version(), Log: log})
	if err := cfg.Attach(agent, log); err != nil {
		return err
	}
	log.InfoContext(ctx, "kanmon-desk runs", slog.String("desk", id.Desk), slog.String("centre", id.URL))
	return agent.Run(ctx)
}

// version is that of the build.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
