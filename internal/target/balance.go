package target

// Balance is the account of a stock over one month, as far as was known at its
// end: Opening + Registered + MovedIn − Destroyed − MovedOut − LeftProvince −
// ReEngined + Corrections = Closing, by what was recorded. Counted is the stock
// that the rows give; what it differs from Closing nobody has recorded.
type Balance struct {
	Opening      int64
	Registered   int64 // joined the cohort: new records and reached days
	MovedIn      int64 // transfers from other cities
	Destroyed    int64 // retired and verified
	MovedOut     int64 // transfers to other cities
	LeftProvince int64 // moved out of the province, verified
	ReEngined    int64 // converted, verified
	Corrections  int64 // whatever restates: corrections, withdrawals, amendments, rule changes, undone imports, duplicates
	Closing      int64
	Counted      int64
}

// Rest is what the rows have more, or less, than what was recorded.
func (b Balance) Rest() int64 { return b.Counted - b.Closing }

// Plus returns the sum of two balances of one month.
func (b Balance) Plus(c Balance) Balance {
	return Balance{
		b.Opening + c.Opening, b.Registered + c.Registered, b.MovedIn + c.MovedIn, b.Destroyed + c.Destroyed, b.MovedOut + c.MovedOut,
		b.LeftProvince + c.LeftProvince, b.ReEngined + c.ReEngined, b.Corrections + c.Corrections, b.Closing + c.Closing, b.Counted + c.Counted,
	}
}

// Ordinary are the causes whose changes are what the metric says; all others but
// a transfer are corrections.
var Ordinary = []string{"passage", "registration", "declaration", "evidence", "verification", "return"}

// Flow books n more assets in a metric for a cause, "transfer_in" and
// "transfer_out" for the ends of a transfer.
func (b *Balance) Flow(metric Metric, cause string, n int64) {
	stock := n
	if metric != Cohort {
		stock = -n
	}
	b.Closing += stock
	ordinary := false
	for _, c := range Ordinary {
		ordinary = ordinary || c == cause
	}
	switch {
	case cause == "transfer_in":
		b.MovedIn += stock
	case cause == "transfer_out":
		b.MovedOut -= stock
	case !ordinary:
		b.Corrections += stock
	case metric == Cohort:
		b.Registered += n
	case metric == Verified:
		b.Destroyed += n
	case metric == MovedOut:
		b.LeftProvince += n
	case metric == Converted:
		b.ReEngined += n
	}
}

// StockMetrics are those that a stock consists of.
var StockMetrics = []Metric{Cohort, Verified, Converted, MovedOut}

// Stock returns the stock of cumulative counts.
func (c Counts) Stock() int64 { return c[Cohort] - c.gone() }

// Of returns a figure by its metric.
func (f Figures) Of(m Metric) int64 {
	switch m {
	case Baseline:
		return f.Baseline
	case Additions:
		return f.Additions
	case Cohort:
		return f.Cohort
	case HandedIn:
		return f.HandedIn
	case Declared:
		return f.Declared
	case Evidenced:
		return f.Evidenced
	case Verified:
		return f.Verified
	case Converted:
		return f.Converted
	case MovedOut:
		return f.MovedOut
	default:
		return f.Remaining
	}
}
