package auth

import (
	"strings"
	"testing"
)

func codes(p Policy, password string, context ...string) string {
	var all []string
	for _, d := range p.Check(password, context...) {
		if d.Message.ZH == "" || d.Message.EN == "" || d.Mend.ZH == "" || d.Value != "" {
			all = append(all, "badly told")
		}
		all = append(all, d.Code)
	}
	return strings.Join(all, " ")
}

// TestPoliciesNameEachRuleThatIsBroken proves F75's passwords on both sides of
// each limit.
func TestPoliciesNameEachRuleThatIsBroken(t *testing.T) {
	for _, c := range []struct {
		policy   Policy
		password string
		want     string
	}{
		{NIST, "vmxk trug eo", ""}, {NIST, "vmxk trug e", "length"}, {"nist:16", "vmxk trug eopwb", "length"}, {"nist:16", "vmxk trug eopwbq", ""}, {"", "vmxk trug e", "length"},
		{MLPS, "Vmxk8trugq", ""}, {MLPS, "Vmxk8trug", "length"}, {MLPS, "vmxk8trugq", "kinds"}, {"mlps:12", "Vmxk8trugq", "length"}, {MLPS, "路vmxkTrugqe", ""},
		{NIST, strings.Repeat("vmxktrug", 32), ""}, {NIST, strings.Repeat("vmxktrug", 32) + "x", "length"},
		{NIST, "Password12345", "common"}, {NIST, "P@ssw0rd!2025", "common"}, {NIST, "changsha2025!", "common"}, {NIST, "changsha vmxk tr", ""},
		{NIST, "123456789012", "common"}, {NIST, "abcdefghijkl", "common"}, {NIST, "aaaaaaaaaaaaaa", "common"}, {NIST, "xyxyxyxyxyxy", "common"}, {NIST, "zyxwvutsrqpo", "common"},
		{NIST, "vmxk-ZhangSan-7", "context"}, {NIST, "vmxk-zhang-san", ""}, {NIST, "Demo-phaseout-2025", ""}, {NIST, "correct horse battery staple", ""},
	} {
		if got := codes(c.policy, c.password, "zhangsan", "张三"); got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.policy, c.password, got, c.want)
		}
	}
}

// TestPolicySettingIsRead names what is wrong with a setting.
func TestPolicySettingIsRead(t *testing.T) {
	for setting, good := range map[string]bool{"nist": true, "mlps": true, "nist:8": true, "mlps:256": true, "": false, "none": false, "nist:7": false, "nist:257": false, "nist:": false, "nist:x": false} {
		if p, err := ParsePolicy(setting); (err == nil) != good || (good && p != Policy(setting)) {
			t.Errorf("%q: %q, %v", setting, p, err)
		}
	}
}
