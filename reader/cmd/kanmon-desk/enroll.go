package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"kanmon/internal/pki"
	"kanmon/reader/desk"
)

// enroll makes this PC known to the centre with a token that a person brings from the console. The key is made here and does not leave this machine.
func enroll(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("kanmon-desk enroll", flag.ContinueOnError)
	flags.SetOutput(stderr)
	config := flags.String("config", "", "configuration `file` (JSON)")
	url := flags.String("url", "", "of the centre's console, https://host[:port]")
	token := flags.String("token", "", "`token` from the console, good once; - reads it from standard input")
	ca := flags.String("ca", "", "`file` with the authority of the console's certificate, where it is not the site's own or a public one")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *config == "" || *token == "" || *url == "" || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	req, err := request(*config, *url, *token, *ca)
	if err != nil {
		return wrong(stderr, err)
	}
	id, err := desk.Enroll(ctx, req)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "登録できませんでした。/ not enrolled: %v\n", err)
		return 1
	}
	_, _ = fmt.Fprintf(stdout, `登録しました。次の指紋がコンソールの表示と同じであることを確かめてください。
Enrolled. Check that these fingerprints are the ones the console shows.

  PC  %s (%s)
    %s
  認証局 / authority
    %s

  証明書の期限 / certificate until  %s
  中央 / centre  %s
`, id.Desk, id.Site, pki.Fingerprint(id.Key.Public()), pki.CertificateFingerprint(id.Authorities[0]), id.Certificate.NotAfter.UTC().Format("2006-01-02"), id.URL)
	return 0
}

func request(config, url, token, caFile string) (desk.Request, error) {
	cfg, err := desk.ReadConfig(config)
	if err != nil {
		return desk.Request{}, err
	}
	if token == "-" {
		b, err := io.ReadAll(io.LimitReader(os.Stdin, 1024))
		if err != nil {
			return desk.Request{}, err
		}
		token = strings.TrimSpace(string(b))
	}
	parsed, err := pki.ParseToken(token)
	if err != nil {
		return desk.Request{}, err
	}
	sealer, err := pki.OpenSealer(cfg.SealingKeyFile(), true)
	return desk.Request{URL: url, Token: parsed, Desk: cfg.Desk, Dir: cfg.IdentityDir(), Sealer: sealer, CAFile: caFile}, err
}
