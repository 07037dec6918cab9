package core

import (
	"testing"

	"kanmon/internal/access"
)

// BenchmarkStep is the decision alone, without the disk.
func BenchmarkStep(b *testing.B) {
	rules := NewCore(siteWiring())
	s, _ := rules.Start(Saved{Policy: sitePolicy(b, 1), Floor: started}, Moment{Wall: started})
	s, _ = rules.Step(s, Recorded{ID: 1}, Moment{Wall: started})
	id := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		id++
		s, _ = rules.Step(s, Presented{Reader: "IN-1", Key: access.Key{9}}, Moment{Wall: started})
		s, _ = rules.Step(s, Recorded{ID: id}, Moment{Wall: started})
	}
}
