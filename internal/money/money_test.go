package money

import "testing"

func TestYuanPrintsExactly(t *testing.T) {
	for fen, want := range map[Fen]string{
		0: "0.00", 5: "0.05", 100: "1.00", 3_500_000: "35,000.00", 123_456_789_01: "123,456,789.01", -150_00: "-150.00",
	} {
		if got := fen.Yuan(); got != want {
			t.Errorf("Fen(%d).Yuan(): got %s, want %s", fen, got, want)
		}
	}
}
