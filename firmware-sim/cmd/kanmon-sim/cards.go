package main

import (
	"bufio"
	"fmt"
	"io"

	"kanmon/firmware-sim/pd"
	"kanmon/reader/credential"
)

// readCards holds each card written on a line of in to the reader. It ends with in.
func readCards(in io.Reader, d *pd.Device, stdout io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		c, err := credential.Parse(lines.Text())
		if err == nil {
			err = d.Present(c.Reveal())
		}
		if err != nil {
			fmt.Fprintln(stdout, "カードとして読めません:", err)
			continue
		}
		fmt.Fprintln(stdout, "カードをかざしました")
	}
	return lines.Err()
}
