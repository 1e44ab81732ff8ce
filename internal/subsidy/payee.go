package subsidy

import (
	"regexp"

	"phaseout/internal/bilingual"
)

// Lengths of an account. A personal card has 16 to 19 figures and the check
// figure of ISO/IEC 7812 (Luhn); the accounts of units follow no common rule,
// so that only their length is looked at (our assumption: 8 to 32).
var (
	cardForm    = regexp.MustCompile(`^\d{16,19}$`)
	accountForm = regexp.MustCompile(`^\d{8,32}$`)
)

// CheckPayee answers, line by line, whether the payee may be paid for an
// owner. The code of a line is the field that it is about.
func (e Entry) CheckPayee(owner string) []Line {
	var lines []Line
	add := func(code string, passed bool, text, fact, mend bilingual.Text) {
		lines = append(lines, Line{Code: code, Passed: passed, Text: text, Fact: fact, Requirement: mend})
	}
	add("payee_name", e.PayeeName != "" && e.PayeeName == owner, bilingual.T("户名与所有人一致", "the name is the owner's"),
		bilingual.F("户名“%s”，所有人“%s”", "%q, the owner is %q", e.PayeeName, owner), bilingual.T("补贴只能付给所有人本人账户，户名须完全一致", "money goes to the owner's own account only, under exactly that name"))
	add("payee_bank", e.PayeeBank != "", bilingual.T("开户银行", "bank"), orNone(e.PayeeBank), bilingual.T("填写开户银行及网点", "give the bank and its branch"))
	switch e.ApplicantKind {
	case Unit:
		add("payee_account", accountForm.MatchString(e.PayeeAccount), bilingual.T("对公账号", "account of the unit"), figures(e.PayeeAccount),
			bilingual.T("按开户许可证填写 8 至 32 位数字", "8 to 32 figures, as the permit of the account has them"))
	default:
		add("payee_account", cardForm.MatchString(e.PayeeAccount) && Luhn(e.PayeeAccount), bilingual.T("银行卡号", "number of the card"), figures(e.PayeeAccount),
			bilingual.T("16 至 19 位数字，且通过校验位；请对照银行卡重新录入", "16 to 19 figures with a right check figure; enter it again from the card"))
	}
	if e.PayeeBankCode != "" {
		add("payee_bank_code", BankCode(e.PayeeBankCode), bilingual.T("联行号", "bank code"), orNone(e.PayeeBankCode),
			bilingual.T("12 位数字，末位为校验码；请向开户银行核实", "12 figures, the last a check figure; ask the bank"))
	}
	return lines
}

// figures tells the length of an account, never the account.
func figures(account string) bilingual.Text {
	if account == "" {
		return orNone("")
	}
	return bilingual.F("%d 位", "%d figures", len(account))
}

// Luhn reports whether the last figure of a number is the check figure of
// ISO/IEC 7812-1 annex B over the others.
func Luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return number != "" && sum%10 == 0
}

// BankCode reports whether a CNAPS bank code has its 12 figures (3 of the bank,
// 4 of the place, 4 of the branch) and the right check figure. That figure is
// the MOD 11,10 of GB/T 17710 (ISO/IEC 7064): the 20 published codes of the
// test have it, a source that says so was not found (ADR 322).
func BankCode(code string) bool {
	if len(code) != 12 {
		return false
	}
	p := 10
	for i := range 11 {
		if code[i] < '0' || code[i] > '9' {
			return false
		}
		if p = (p + int(code[i]-'0')) % 10; p == 0 {
			p = 10
		}
		p = p * 2 % 11
	}
	return code[11] >= '0' && code[11] <= '9' && (p+int(code[11]-'0'))%10 == 1
}
