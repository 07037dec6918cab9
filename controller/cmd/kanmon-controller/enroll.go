package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"kanmon/controller"
	"kanmon/controller/identity"
	"kanmon/internal/pki"
)

// enroll makes this controller known to the centre with a token that a person brings from the console. The keys are made here and
// do not leave this machine. The fingerprints of both sides are shown, to be compared with the console's.
func enroll(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("kanmon-controller enroll", flag.ContinueOnError)
	flags.SetOutput(stderr)
	config := flags.String("config", "", "configuration `file` (JSON)")
	url := flags.String("url", "", "of the centre's console, https://host[:port]; default: centre_url of the configuration")
	token := flags.String("token", "", "`token` from the console, good once; - reads it from standard input")
	ca := flags.String("ca", "", "`file` with the authority of the console's certificate, where it is not the site's own or a public one")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *config == "" || *token == "" || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	cfg, err := controller.LoadConfig(*config)
	if err != nil {
		return wrong(stderr, err)
	}
	req, err := request(cfg, cmp.Or(*url, cfg.CentreURL), *token, *ca)
	if err != nil {
		return wrong(stderr, err)
	}
	id, err := identity.Enroll(ctx, req)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "登録できませんでした。/ not enrolled: %v\n", err)
		return 1
	}
	report(stdout, id, cfg)
	return 0
}

func request(cfg controller.Config, url, token, caFile string) (identity.Request, error) {
	if url == "" {
		return identity.Request{}, errors.New("--url or centre_url is needed: https://host[:port] of the centre's console")
	}
	if token == "-" {
		b, err := io.ReadAll(io.LimitReader(os.Stdin, 1024))
		if err != nil {
			return identity.Request{}, err
		}
		token = strings.TrimSpace(string(b))
	}
	parsed, err := pki.ParseToken(token)
	if err != nil {
		return identity.Request{}, err
	}
	sealer, err := pki.OpenSealer(cfg.SealingKeyFile, true)
	return identity.Request{
		URL: url, Token: parsed, Controller: cfg.Controller, Dir: cfg.IdentityDir(), Sealer: sealer, CAFile: caFile, Clock: controller.Clock,
	}, err
}

// report shows what a person compares with the console before trusting it.
func report(w io.Writer, id identity.Identity, cfg controller.Config) {
	_, _ = fmt.Fprintf(w, `登録しました。次の指紋がコンソールの表示と同じであることを確かめてください。
Enrolled. Check that these fingerprints are the ones the console shows.

  制御装置 / controller  %s (%s)
    %s
  認証局 / authority
    %s

  証明書の期限 / certificate until  %s
  MQTT  %s
`, id.Controller, id.Site, pki.Fingerprint(id.Key.Public()), pki.CertificateFingerprint(id.Authorities[0]),
		id.Certificate.NotAfter.UTC().Format("2006-01-02"), cmp.Or(cfg.Broker.URL, id.BrokerURL))
	if id.Site != cfg.Site {
		_, _ = fmt.Fprintf(w, "\n注意: 設定ファイルの site は %q ですが、中央の拠点は %q です。/ Note: the configuration says site %q, the centre %q.\n", cfg.Site, id.Site, cfg.Site, id.Site)
	}
}
