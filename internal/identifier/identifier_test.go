package identifier

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestIdentifiersKnowTheirForms proves F2 and F3: each form, its slips and the
// mend that is offered.
func TestIdentifiersKnowTheirForms(t *testing.T) {
	plate := func(s string) Result { return Plate(s, "湘") }
	vin := func(s string) Result { return VIN(s, false) }
	for _, c := range []struct {
		name  string
		check func(string) Result
		in    string
		value string
		want  Status
		mend  string
	}{
		{"an ordinary plate", plate, "湘A12345", "湘A12345", OK, ""}, {"full-width and blanks", plate, " 湘ａ　１２３４５ ", "湘A12345", OK, ""}, {"with a dot", plate, "湘A·12345", "湘A12345", OK, ""},
		{"without its province", plate, "A12345", "湘A12345", OK, ""}, {"a trailer", plate, "湘A1234挂", "湘A1234挂", OK, ""}, {"new energy, small", plate, "湘AD12345", "湘AD12345", OK, ""},
		{"new energy, large", plate, "湘A12345D", "湘A12345D", OK, ""}, {"letters O and I", plate, "湘AO1I23", "湘AO1I23", FormatError, "湘A01123"}, {"two provinces", plate, "京京A1234", "京京A1234", FormatError, ""},
		{"a good VIN", vin, "LZZTEST049A000001", "LZZTEST049A000001", OK, ""}, {"another", vin, "lghtest158c012345", "LGHTEST158C012345", OK, ""}, {"a third", vin, "LVBTEST29AB123456", "LVBTEST29AB123456", OK, ""},
		{"a wrong check digit", vin, "LZZTEST059A000001", "LZZTEST059A000001", ChecksumWarn, "4"}, {"an O for a 0", vin, "LZZTESTO49A000001", "LZZTESTO49A000001", FormatError, "LZZTEST049A000001"},
		{"too short", vin, "LZZTEST04", "LZZTEST04", FormatError, ""}, {"short but old", func(s string) Result { return VIN(s, true) }, "LZZ0012345", "LZZ0012345", ChecksumWarn, ""},
		{"a resident number", OwnerID, "430102190001010007", "430102190001010007", OK, ""}, {"its last digit wrong", OwnerID, "430102190001010008", "430102190001010008", ChecksumWarn, ""},
		{"another", OwnerID, "430902190001010019", "430902190001010019", OK, ""}, {"a credit code", OwnerID, "91430100MA00000003", "91430100MA00000003", OK, ""},
		{"a credit code's last sign wrong", OwnerID, "91430600MA4HEXT004", "91430600MA4HEXT004", ChecksumWarn, ""}, {"damaged by a spreadsheet", OwnerID, "4.30102E+17", "4.30102E+17", FormatError, ""},
		{"an old number", OwnerID, "430102700101001", "430102700101001", OK, ""}, {"no number", OwnerID, "abc", "ABC", ChecksumWarn, ""},
		{"a ship", ShipID, "cn19831000034", "CN19831000034", OK, ""}, {"a ship twice CN", ShipID, "CNCN19921011639", "CNCN19921011639", FormatError, ""},
		{"a machine's code", EnvCode, "1AB12CD34", "1-AB12CD34", OK, ""}, {"an unusual code", EnvCode, "9-AB12CD34", "9-AB12CD34", Unusual, "喷涂"}, {"no machine's code", EnvCode, "A1", "A1", FormatError, ""}, {"a code of 17 signs", EnvCode, "LGHTEST158C012345", "LGHTEST158C012345", OK, ""},
		{"a stamped VIN", vin, "*LZZTEST049A000001*", "LZZTEST049A000001", OK, ""}, {"a plate with its colour", plate, "湘A12345（黄）", "湘A12345", OK, ""}, {"a plate of new energy without its province", plate, "A12345D", "湘A12345D", OK, ""},
		{"a farm plate without its province", FarmPlate, "01-12345", "湘0112345", OK, ""}, {"a serial that lost its end", Serial, "1.23457E+11", "1.23457E+11", FormatError, ""},
		{"a farm plate", FarmPlate, "湘01-12345", "湘0112345", OK, ""}, {"no farm plate", FarmPlate, "12345", "12345", FormatError, ""},
		{"a mobile", Phone, "139 0000 1234", "13900001234", OK, ""}, {"no telephone", Phone, "12", "12", Unusual, ""},
	} {
		r := c.check(c.in)
		if r.Value != c.value || r.Status != c.want || !strings.Contains(r.Mend.ZH, c.mend) {
			t.Errorf("%s: %q gives %q, %d, %q; want %q, %d, a mend with %q", c.name, c.in, r.Value, r.Status, r.Mend.ZH, c.value, c.want, c.mend)
		}
		if (r.Status != OK) != (r.Reason.ZH != "" && r.Reason.EN != "") {
			t.Errorf("%s: status %d with reason %q", c.name, r.Status, r.Reason)
		}
	}
}

// TestOneChangedSignOfAVINIsSeen holds for any VIN: the check digit sees every
// slip that changes the value of one sign.
func TestOneChangedSignOfAVINIsSeen(t *testing.T) {
	const alphabet = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
	rapid.Check(t, func(t *rapid.T) {
		signs := []byte(rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), 17, 17, 17).Draw(t, "vin"))
		signs[8] = vinCheckDigit(string(signs))
		if VIN(string(signs), false).Status != OK {
			t.Fatalf("%s is not good", signs)
		}
		at := rapid.IntRange(0, 16).Draw(t, "at")
		other := alphabet[rapid.IntRange(0, len(alphabet)-1).Draw(t, "other")]
		changed := append([]byte{}, signs...)
		changed[at] = other
		if at != 8 && vinValues[other] == vinValues[signs[at]] {
			return // the standard gives both the same value
		}
		if other != signs[at] && VIN(string(changed), false).Status == OK {
			t.Fatalf("%s was changed to %s unseen", signs, changed)
		}
	})
}

func FuzzIdentifiers(f *testing.F) {
	for _, s := range []string{"湘A12345", "LZZTEST049A000001", "430102190001010007", "CN19831000034", "１-ＡＢ", "A΄0000", "\u202e\x00", strings.Repeat("9", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n := Normalize(s); Normalize(n) != n {
			t.Errorf("Normalize(%q) = %q is not normal", s, n)
		}
		for _, check := range []func(string) Result{func(s string) Result { return Plate(s, "湘") }, func(s string) Result { return VIN(s, true) }, OwnerID, ShipID, EnvCode, Serial, FarmPlate, Phone} {
			if r := check(s); r.Status == OK && check(r.Value).Value != r.Value {
				t.Errorf("%q is good as %q, which reads as %q", s, r.Value, check(r.Value).Value)
			}
		}
	})
}
