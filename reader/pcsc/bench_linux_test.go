package pcsc

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kanmon/firmware-sim/vcard"
	"kanmon/firmware-sim/vreader"
	"kanmon/reader/pcsc/apdu"
	"kanmon/reader/pcsc/pcscdtest"
)

// benchTaps is how many cards each benchmark holds to its reader; a tap takes some half a second, most of it pcscd's polling.
const benchTaps = 100

// pollEvery is how often pcscd looks for cards in a reader that does not tell by itself.
const pollEvery = 400 * time.Millisecond

// BenchmarkCardToCredential measures from PC/SC's word that a card is there to the credential handed on, for a number and for a FeliCa service, against the bare
// exchange of the same commands with the same card in the same tap: on a connection that is open, and with opening and closing it. What pcscd takes to notice
// the card is reported apart. Goal: 1.2 times the bare round trips.
func BenchmarkCardToCredential(b *testing.B) {
	for name, plan := range map[string]apdu.Plan{"number": {}, "service": employeePlan(apdu.Transparent)} {
		b.Run(name, func(b *testing.B) { benchCards(b, plan) })
	}
}

func benchCards(b *testing.B, plan apdu.Plan) {
	d := pcscdtest.Start(b, 1)
	type ready struct {
		card Card
		at   time.Time
	}
	up, done, gone := make(chan struct{}, 1), make(chan ready, 1), make(chan struct{}, 1)
	run(b, Config{Pattern: vreader.Reader(0), Plan: plan, Emit: func(e Event) {
		at := time.Now()
		switch e := e.(type) {
		case Up:
			up <- struct{}{}
		case Card:
			done <- ready{e, at}
		case Removed:
			gone <- struct{}{}
		default:
			b.Errorf("%T %+v", e, e)
		}
	}})
	<-up
	for b.Loop() {
		var read, bare, whole, noticed []time.Duration
		for range benchTaps {
			<-time.After(rand.N(pollEvery)) // else each card would come just after a look
			began := time.Now()
			h := hold(b, d, 0, employee())
			r := <-done
			noticed = append(noticed, r.card.At.Sub(began))
			read = append(read, r.at.Sub(r.card.At))
			exchange, connection := floor(b, plan)
			bare, whole = append(bare, exchange), append(whole, connection)
			h.Remove()
			<-gone
		}
		benchReport(b, "ready", read)
		benchReport(b, "bare", bare)
		benchReport(b, "bare-with-connection", whole)
		benchReport(b, "noticed", noticed)
		b.ReportMetric(float64(read[benchTaps/2])/float64(bare[benchTaps/2]), "ready/bare")
		b.ReportMetric(float64(read[benchTaps/2])/float64(whole[benchTaps/2]), "ready/bare-with-connection")
		b.ReportMetric(0, "ns/op") // one run of many taps: the figure per run says nothing
	}
}

// floor sends what a read sends, and nothing else, to the card that lies there.
func floor(b *testing.B, plan apdu.Plan) (exchange, whole time.Duration) {
	b.Helper()
	s, err := winscard{}.open()
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	commands := record(b, plan)
	began := time.Now()
	k, err := s.connect(vreader.Reader(0))
	if err != nil {
		b.Fatal(err)
	}
	opened := time.Now()
	for _, c := range commands {
		if _, err := k.transmit(c); err != nil {
			b.Fatal(err)
		}
	}
	exchange = time.Since(opened)
	k.close()
	return exchange, time.Since(began)
}

// record asks a card without a reader between for the commands of a read.
func record(b *testing.B, plan apdu.Plan) (commands [][]byte) {
	b.Helper()
	var card vcard.Card = employee()
	atr := card.Reset()
	if _, err := apdu.Read(func(c []byte) ([]byte, error) {
		commands = append(commands, slices.Clone(c))
		return card.Answer(c).Data, nil
	}, atr, plan); err != nil {
		b.Fatal(err)
	}
	return commands
}

func benchReport(b *testing.B, name string, d []time.Duration) {
	b.Helper()
	slices.Sort(d)
	b.ReportMetric(float64(d[len(d)/2].Microseconds()), name+"-median-µs")
	b.ReportMetric(float64(d[len(d)*99/100].Microseconds()), name+"-p99-µs")
}
