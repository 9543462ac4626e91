package load

import (
	"testing"
	"time"
)

// Every value is told within 3 %, from nanoseconds to seconds.
func TestHistogramIsRightWithinThreePercent(t *testing.T) {
	for v := int64(1); v < int64(time.Minute); v += 1 + v/7 {
		var h histogram
		h.add(v)
		if got := int64(h.quantile(0.5)); got < v-v*3/100-1 || got > v+v*3/100+1 {
			t.Errorf("%d is told as %d", v, got)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var h histogram
	for i := range int64(1000) {
		h.add(i * 1000)
	}
	for q, want := range map[float64]float64{0.5: 500e3, 0.99: 990e3, 0.999: 999e3} {
		if got := float64(h.quantile(q)); got < want*0.97 || got > want*1.03 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}
