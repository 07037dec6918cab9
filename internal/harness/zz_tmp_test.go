package harness

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"kanmon/internal/broker/brokertest"
)

func TestZZFleet(t *testing.T) {
	n := 499
	s := Start(t, On(brokertest.Embedded), Quiet())
	_, run := s.NewFleet(n)
	began := time.Now()
	run()
	for range 60 {
		<-time.After(time.Second)
		on, ok := 0, 0
		var ex any
		for _, c := range s.Controllers() {
			if strings.HasPrefix(c.Name, "fleet-") {
				if c.Online {
					on++
				}
				if c.UpToDate {
					ok++
				} else {
					ex = c
				}
			}
		}
		fmt.Fprintf(os.Stderr, "ZZ %v online %d uptodate %d\n", time.Since(began), on, ok)
		if ok == n {
			return
		}
		_ = ex
	}
}
