package osdp

// weak says why a key could be guessed, or "". Random keys are refused about once in seven million times.
func weak(k [KeySize]byte) string {
	switch {
	case constantStep(k):
		return "bytes in constant steps" // all equal, counting up or down, and SCBK-D
	case repeatedQuarter(k):
		return "a part repeats"
	case printable(k):
		return "it is text"
	}
	return ""
}

func constantStep(k [KeySize]byte) bool {
	step := k[1] - k[0]
	for i := 1; i < len(k); i++ {
		if k[i]-k[i-1] != step {
			return false
		}
	}
	return true
}

// repeatedQuarter finds two equal quarters, and so also two equal halves.
func repeatedQuarter(k [KeySize]byte) bool {
	const quarter = KeySize / 4
	seen := make(map[[quarter]byte]bool, 4)
	for i := 0; i < len(k); i += quarter {
		part := [quarter]byte(k[i : i+quarter])
		if seen[part] {
			return true
		}
		seen[part] = true
	}
	return false
}

func printable(k [KeySize]byte) bool {
	for _, b := range k {
		if b < 0x20 || b > 0x7E {
			return false
		}
	}
	return true
}
