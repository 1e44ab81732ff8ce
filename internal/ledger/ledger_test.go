package ledger_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"phaseout/internal/ledger"
	"phaseout/internal/money"
)

// TestCapitals proves F51: amounts in Chinese capitals as a cheque has them.
func TestCapitals(t *testing.T) {
	for fen, want := range map[money.Fen]string{
		0: "零元整", 1: "壹分", 10: "壹角整", 56: "伍角陆分", 100: "壹元整", 105: "壹元零伍分", 150: "壹元伍角整", 1000: "壹拾元整", 110_00: "壹佰壹拾元整",
		1005_06: "壹仟零伍元零陆分", 10_000_00: "壹万元整", 10_005_00: "壹万零伍元整", 35_000_00: "叁万伍仟元整", 140_000_00: "壹拾肆万元整",
		100_100_00: "壹拾万零壹佰元整", 101_000_00: "壹拾万壹仟元整", 1_000_001_00: "壹佰万零壹元整", 20_300_000_00: "贰仟零叁拾万元整",
		100_000_000_00: "壹亿元整", 100_010_000_00: "壹亿零壹万元整", 100_000_001_00: "壹亿零壹元整", 123_456_789_01: "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元零壹分",
		110_000_000_00: "壹亿壹仟万元整", 1_000_000_000_000_00: "壹万亿元整", 1_234_500_000_000_00: "壹万贰仟叁佰肆拾伍亿元整", -150_00: "负壹佰伍拾元整",
	} {
		if got := ledger.Capitals(fen); got != want {
			t.Errorf("Capitals(%d): got %s, want %s", fen, got, want)
		}
	}
}

// value reads capitals back, by a rule of its own.
func value(text string) money.Fen {
	figure := map[rune]int64{'零': 0, '壹': 1, '贰': 2, '叁': 3, '肆': 4, '伍': 5, '陆': 6, '柒': 7, '捌': 8, '玖': 9}
	small := map[rune]int64{'拾': 10, '佰': 100, '仟': 1000}
	var total, above, section, digit int64
	var fen int64
	for _, r := range text {
		switch {
		case small[r] > 0:
			section, digit = section+digit*small[r], 0
		case r == '万':
			above, section, digit = above+(section+digit)*10_000, 0, 0
		case r == '亿':
			total, above, section, digit = total+(above+section+digit)*100_000_000, 0, 0, 0
		case r == '元':
			total, above, section, digit = total+above+section+digit, 0, 0, 0
		case r == '角':
			fen, digit = fen+digit*10, 0
		case r == '分':
			fen, digit = fen+digit, 0
		case r == '整':
		default:
			digit = figure[r]
		}
	}
	return money.Fen(total*100 + fen)
}

// TestCapitalsReadBackAsTheAmount proves F51: capitals say the amount and
// nothing else, with never two zeros in a row nor one before a unit.
func TestCapitalsReadBackAsTheAmount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fen := money.Fen(rapid.OneOf(rapid.Int64Range(1, 1_000_00), rapid.Int64Range(1, 1_000_000_00), rapid.Int64Range(1, int64(money.Max))).Draw(t, "fen"))
		if rapid.Bool().Draw(t, "round") && fen > 1_000_000 {
			fen -= fen % 1_000_000
		}
		text := ledger.Capitals(fen)
		if got := value(text); got != fen {
			t.Fatalf("%s reads as %d, want %d", text, got, fen)
		}
		for _, bad := range []string{"零零", "零元", "零万", "零亿", "零仟", "零佰", "零拾", "零角", "万亿亿"} {
			if strings.Contains(text, bad) {
				t.Fatalf("Capitals(%d) = %s has %s", fen, text, bad)
			}
		}
		if strings.HasPrefix(text, "零") || (fen%10 == 0) != strings.HasSuffix(text, "整") {
			t.Fatalf("Capitals(%d) = %s", fen, text)
		}
	})
}

func shares(t *rapid.T) []ledger.Share {
	rest := int64(10_000)
	var all []ledger.Share
	for _, s := range rapid.Permutation(ledger.Sources).Draw(t, "order") {
		bp := rapid.Int64Range(0, rest).Draw(t, "bp")
		all = append(all, ledger.Share{Source: s, BP: bp})
		rest -= bp
	}
	all[0].BP += rest
	return all
}

// TestPartsAlwaysSumToTheWhole proves F45: whatever the shares, no fen is lost
// or made, no part is negative, and only the local line is off its exact share,
// by less than a fen for each other source.
func TestPartsAlwaysSumToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Fen(rapid.Int64Range(1, int64(money.Max)).Draw(t, "amount"))
		split := shares(t)
		bp := map[ledger.Source]int64{}
		for _, s := range split {
			bp[s.Source] = s.BP
		}
		var sum money.Fen
		seen := map[ledger.Source]bool{}
		for _, p := range ledger.Split(amount, split) {
			if p.Fen <= 0 || seen[p.Source] {
				t.Fatalf("part %v of %d", p, amount)
			}
			seen[p.Source] = true
			sum += p.Fen
			// exact share in 1/10,000 fen, without overflow
			q, r := int64(amount)/10_000, int64(amount)%10_000
			whole := q*bp[p.Source] + r*bp[p.Source]/10_000
			if off := int64(p.Fen) - whole; off < 0 || off > int64(len(split)) {
				t.Fatalf("%s pays %d of %d, %d off its share", p.Source, p.Fen, amount, off)
			}
		}
		if sum != amount {
			t.Fatalf("the parts sum to %d, want %d", sum, amount)
		}
	})
}

// TestSplitLeavesTheRemainderToTheLocalLine proves F45 on the split of the plan, 90 to 10.
func TestSplitLeavesTheRemainderToTheLocalLine(t *testing.T) {
	for _, c := range []struct {
		amount money.Fen
		shares []ledger.Share
		want   []ledger.Part
	}{
		{35_000_00, []ledger.Share{{Source: ledger.City, BP: 1000}, {Source: ledger.Central, BP: 9000}}, []ledger.Part{{Source: ledger.Central, Fen: 31_500_00}, {Source: ledger.City, Fen: 3_500_00}}},
		{1, []ledger.Share{{Source: ledger.Central, BP: 9000}, {Source: ledger.City, BP: 1000}}, []ledger.Part{{Source: ledger.City, Fen: 1}}},
		{100_01, []ledger.Share{{Source: ledger.Central, BP: 3333}, {Source: ledger.City, BP: 3333}, {Source: ledger.County, BP: 3334}},
			[]ledger.Part{{Source: ledger.Central, Fen: 33_33}, {Source: ledger.City, Fen: 33_33}, {Source: ledger.County, Fen: 33_35}}},
		{7, ledger.CityAlone(), []ledger.Part{{Source: ledger.City, Fen: 7}}},
	} {
		got := ledger.Split(c.amount, c.shares)
		if len(got) != len(c.want) {
			t.Errorf("Split(%d): got %v, want %v", c.amount, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("Split(%d): got %v, want %v", c.amount, got, c.want)
			}
		}
	}
}

// TestProportionSumsToTheWhole proves F56: what comes back is divided like what was paid.
func TestProportionSumsToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := money.Fen(rapid.Int64Range(0, int64(money.Max)).Draw(t, "amount"))
		n := rapid.IntRange(1, 6).Draw(t, "n")
		weights := make([]money.Fen, n)
		for i := range weights {
			weights[i] = money.Fen(rapid.Int64Range(0, int64(money.Max)/6).Draw(t, "weight"))
		}
		weights[rapid.IntRange(0, n-1).Draw(t, "heavy")] += 1
		var sum money.Fen
		for i, part := range ledger.Proportion(amount, weights) {
			if part < 0 || (weights[i] == 0 && part != 0) {
				t.Fatalf("part %d of weights %v", part, weights)
			}
			sum += part
		}
		if sum != amount {
			t.Fatalf("the parts sum to %d, want %d", sum, amount)
		}
	})
}

// TestEntryThatDoesNotSumToZeroIsRefused proves F46: double entry, on the whole and on each line.
func TestEntryThatDoesNotSumToZeroIsRefused(t *testing.T) {
	a, b := ledger.BudgetLine{ID: "a"}, ledger.BudgetLine{ID: "b"}
	good := ledger.Entry{Kind: ledger.Reserve, Postings: append(ledger.Move(a, ledger.Free, ledger.Reserved, 5), ledger.Move(b, ledger.Free, ledger.Reserved, 7)...)}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, postings := range map[string][]ledger.Posting{
		"nothing":                     nil,
		"one side":                    {{Account: ledger.Free, LineID: "a", Fen: -5}},
		"no zero sum":                 {{Account: ledger.Free, LineID: "a", Fen: -5}, {Account: ledger.Reserved, LineID: "a", Fen: 4}},
		"zero sum but over two lines": {{Account: ledger.Free, LineID: "a", Fen: -5}, {Account: ledger.Reserved, LineID: "b", Fen: 5}},
		"a posting of nothing":        append(ledger.Move(a, ledger.Free, ledger.Reserved, 5), ledger.Posting{Account: ledger.Paid, LineID: "a"}),
		"an unknown account":          {{Account: "x", LineID: "a", Fen: -5}, {Account: ledger.Reserved, LineID: "a", Fen: 5}},
	} {
		if err := (ledger.Entry{Kind: ledger.Reserve, Postings: postings}).Check(); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
