package app

import (
	"bytes"
	"fmt"

	"phaseout/internal/access"
	"phaseout/internal/fault"
	"phaseout/internal/registry"
	"phaseout/internal/store"
	"phaseout/internal/subsidy"
)

// demoFlow is how the sample programs are worked off: money is set aside on
// submission, in the order of hand-ins.
func demoFlow() subsidy.Flow {
	return subsidy.Flow{ReserveOn: subsidy.OnSubmission, MendDays: 15, Papers: []subsidy.PaperRule{
		{Paper: "owner_document", For: "any"}, {Paper: "bank_card", For: subsidy.Person}, {Paper: "account_permit", For: subsidy.Unit},
		{Paper: "authorization", For: subsidy.Agent}, {Paper: "agent_document", For: subsidy.Agent}}}
}

// payments takes the applications of each city some way: in most the sample
// program has no public notice, so that the way can be walked in one sitting;
// Changde shows a running notice with an objection.
func (d *demo) payments() error {
	for n, c := range d.Reference.Cities() {
		desk := d.desk(c)
		if err := d.budgets(desk[0], desk[3]); err != nil {
			return err
		}
		drafts, err := d.DB.Applications(d.ctx, desk[0].Scope, store.ApplicationFilter{State: subsidy.Draft}, store.Page{Limit: 100})
		if err != nil {
			return err
		}
		if len(drafts) == 0 {
			continue
		}
		program := drafts[0].ProgramID
		if err := d.firstFlow(desk[0], program); err != nil {
			return err
		}
		for i, application := range drafts {
			if err := d.walk(desk, application, []int{4, 1, 4, 2, 4, 0, 4, 3}[i%8]); err != nil {
				return err
			}
		}
		if n == 4 {
			err = d.notice(desk, program)
		} else if n <= 3 {
			err = d.batch(n, desk[0], desk[3], program)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// firstFlow sets the flow of a program that has none yet.
func (d *demo) firstFlow(by access.Actor, program string) error {
	if flow, err := d.DB.Flow(d.ctx, program); err != nil || flow.Version > 0 {
		return err
	}
	_, err := d.SetFlow(d.ctx, by, program, 0, demoFlow())
	return err
}

// queue hands in three applications in Yiyang, whose program has money for one:
// the first holds it, the others wait in their order.
func (d *demo) queue() error {
	city, _ := d.Reference.Region("430900")
	desk := d.desk(city)
	on := d.Today().AddDays(-20)
	registered := on.AddYears(-15).AddDays(1000) // retired 32 months early
	for range 3 {
		fields := d.truck(city)
		fields["category"], fields["stage"], fields["use"], fields["gross_mass_kg"] = "heavy_plain", "china3", "freight", "25000"
		c, err := d.leave(city, fields, registered, on)
		if err != nil {
			return err
		}
		application, err := d.DB.Application(d.ctx, desk[0].Scope, c.ApplicationID)
		if err != nil {
			return err
		}
		if err := d.firstFlow(desk[0], application.ProgramID); err != nil {
			return err
		}
		if err := d.walk(desk, application, 2); err != nil {
			return err
		}
	}
	return nil
}

// desk is a city's four finance officers: who enters, checks, approves, pays.
func (d *demo) desk(c registry.Region) [4]access.Actor {
	pinyin := demoCity(c.Code)
	return [4]access.Actor{d.users["finance."+pinyin], d.users["finance2."+pinyin], d.users["finance3."+pinyin], d.users["finance4."+pinyin]}
}

// walk takes an application so many steps: entered, submitted, checked, approved.
func (d *demo) walk(desk [4]access.Actor, application subsidy.Application, steps int) error {
	if steps == 0 {
		return nil
	}
	n := d.next()
	kind, paper := subsidy.Unit, "account_permit"
	if len([]rune(application.OwnerName)) < 5 {
		kind, paper = subsidy.Person, "bank_card"
	}
	now, err := d.AmendApplication(d.ctx, desk[0], application.ID, application.Version, func(e *subsidy.Entry) {
		e.ApplicantKind, e.ApplicantPhone, e.BroughtBy = kind, fmt.Sprintf("1990001%04d", n-n%3), subsidy.Self
		e.PayeeBank, e.PayeeAccount = "示例银行演示支行", demoCard(n)
	})
	if err != nil {
		return err
	}
	for _, code := range []string{"owner_document", paper} {
		if _, err := d.AttachPaper(d.ctx, desk[0], now.ID, Upload{Kind: code, Name: code + ".png", Data: bytes.NewReader(d.photo())}); err != nil {
			return err
		}
	}
	if steps > 1 {
		now, err = d.SubmitApplication(d.ctx, desk[0], now.ID, now.Version, "")
	}
	if err == nil && steps > 2 && now.State == subsidy.Submitted {
		now, err = d.CheckApplication(d.ctx, desk[1], now.ID, now.Version, Ruling{Decision: "pass"})
	}
	if err == nil && steps > 3 && now.State == subsidy.Checked {
		_, err = d.DecideApplication(d.ctx, desk[2], now.ID, now.Version, Ruling{Decision: "pass"})
	}
	return err
}

// demoCard returns a card number with a right check figure that no bank issues.
func demoCard(n int) string {
	for digit := range 10 {
		card := fmt.Sprintf("62000000000000%04d%d", n%10000, digit)
		if subsidy.Luhn(card) {
			return card
		}
	}
	return ""
}

func (d *demo) notice(desk [4]access.Actor, program string) error {
	n, err := d.PublishNotice(d.ctx, desk[2], program, nil, "演示：0736-0000000")
	if fault.Is(err, fault.Conflict) {
		return nil // nothing got that far
	}
	if err != nil {
		return err
	}
	_, err = d.Object(d.ctx, desk[0], n.ID, n.Lines[0].ApplicationID, "演示举报人", "演示：该车此前已领取过其他补贴")
	return err
}
