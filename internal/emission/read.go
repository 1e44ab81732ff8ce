package emission

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
)

// ParseFactors reads the shipped values: item, method, band, grp, stage,
// pollutant, value, unit, basis, source.
func ParseFactors(r io.Reader) ([]Value, error) {
	rows, err := table(r, 10)
	values := make([]Value, len(rows))
	for i, row := range rows {
		n, bad := Milli(row[6])
		if bad != nil {
			return nil, fmt.Errorf("emission: factors, row %d: %w", i+1, bad)
		}
		values[i] = Value{Key{row[0], row[1], row[2], row[3], row[4], Pollutant(row[5])}, n, row[7], Basis(row[8]), row[9]}
	}
	return values, err
}

// ParseTable reads table 2 and checks its sums: pollutant, city_code, by_2023_t,
// by_2025_t.
func ParseTable(r io.Reader) ([]Planned, error) {
	rows, err := table(r, 4)
	if err != nil {
		return nil, err
	}
	planned := make([]Planned, len(rows))
	for i, row := range rows {
		first, err1 := strconv.ParseInt(row[2], 10, 64)
		second, err2 := strconv.ParseInt(row[3], 10, 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("emission: table 2, row %d: not a number", i+1)
		}
		planned[i] = Planned{row[0], row[1], first, second}
	}
	return planned, CheckTable(planned)
}

func table(r io.Reader, columns int) ([][]string, error) {
	reader := csv.NewReader(r)
	reader.Comment, reader.FieldsPerRecord = '#', columns
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("emission: %w", err)
	}
	return rows[min(1, len(rows)):], nil
}

// Milli reads a decimal number of at most three places as thousandths.
func Milli(text string) (int64, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) > 1e12 {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return int64(math.Round(f * 1000)), nil
}
