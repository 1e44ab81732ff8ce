package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"phaseout/internal/access"
	"phaseout/internal/api"
	"phaseout/internal/app"
	"phaseout/internal/bilingual"
	"phaseout/internal/config"
	"phaseout/internal/registry"
	"phaseout/internal/store"
)

type userCmd struct {
	Add  userAddCmd  `cmd:"" help:"Add an account."`
	List userListCmd `cmd:"" help:"List the accounts."`
}

type userAddCmd struct {
	Username      string `required:"" help:"Name to log in with."`
	Role          string `required:"" help:"One of clerk, reviewer, finance, province, auditor, admin, yard." enum:"clerk,reviewer,finance,province,auditor,admin,yard"`
	Scope         string `required:"" help:"GB/T 2260 code: 430000 the province, 430100 a city, 430102 a district." placeholder:"CODE"`
	Yard          string `help:"With --role yard: the id of its yard, as the list of yards has it." placeholder:"ID"`
	Name          string `help:"Name to show; the user name if not given."`
	PasswordStdin bool   `required:"" help:"Read the password from the first line of standard input."`
}

// Run adds the account.
func (u userAddCmd) Run(e *env, c *config.Common) error {
	line, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		return errors.New("no password on standard input: pipe it in, for example  printf '%s\\n' \"$PASSWORD\" | phaseout user add …")
	}
	o, err := open(e.ctx, c)
	if err != nil {
		return err
	}
	defer o.close()
	password, role := strings.TrimRight(line, "\r\n"), access.Role(u.Role)
	account := app.Account{Username: u.Username, DisplayName: &u.Name, Role: &role, ScopeCode: &u.Scope, Password: &password}
	if u.Yard != "" {
		account.YardID = &u.Yard
	}
	user, err := o.app.CreateUser(e.ctx, access.System("cli"), account)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "added %s, %s of %s\n", user.Username, user.Role, user.ScopeCode)
	return err
}

type userListCmd struct{}

// Run lists the accounts.
func (userListCmd) Run(e *env, c *config.Common) error {
	o, err := open(e.ctx, c)
	if err != nil {
		return err
	}
	defer o.close()
	users, err := o.app.DB.Users(e.ctx, store.Page{Limit: 10000})
	if err != nil {
		return err
	}
	for _, u := range users {
		state := ""
		if u.Disabled {
			state = "disabled"
		}
		_, _ = fmt.Fprintf(e.out, "%-24s %-9s %s %s\n", u.Username, u.Role, u.ScopeCode, state)
	}
	return nil
}

type importCmd struct {
	File  string `arg:"" help:"XLSX or CSV file." type:"existingfile"`
	Class string `required:"" help:"Class of the rows." enum:"truck,machinery,farm_machinery,vessel"`
	City  string `required:"" help:"GB/T 2260 code of the city." placeholder:"CODE"`
	As    string `required:"" help:"User name of the clerk on whose behalf it is done." placeholder:"USERNAME"`
	Apply string `help:"Make the rows real: valid_rows or all_or_nothing. Without it they are only checked." enum:",valid_rows,all_or_nothing" default:""`
}

// Run checks the sheet, prints every finding and applies it if asked to.
func (i importCmd) Run(e *env, c *config.Common) error {
	o, err := open(e.ctx, c)
	if err != nil {
		return err
	}
	defer o.close()
	user, err := o.app.DB.UserNamed(e.ctx, i.As)
	if err != nil {
		return fmt.Errorf("there is no user %q: run \"phaseout user list\"", i.As)
	}
	if !access.Permit(user.Role, "create-import") {
		return fmt.Errorf("user %q is %s; only a clerk imports", i.As, user.Role)
	}
	f, err := os.Open(i.File)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	done, err := o.app.ImportSheet(e.ctx, user.Actor("", "cli"), registry.Class(i.Class), i.City, filepath.Base(i.File), f, i.Apply)
	if err != nil {
		return err
	}
	if err := o.app.SettleImport(e.ctx, done.ID); err != nil {
		_, _ = fmt.Fprintln(e.out, "the import is whole, but:", err)
	}
	return report(e, o.app, done)
}

func report(e *env, a *app.App, done store.Import) error {
	if p := app.ProblemOf(done); p != nil {
		return fmt.Errorf("%s: %s", p.Message.In(bilingual.EN), p.Mend.In(bilingual.EN))
	}
	filter := store.FindingFilter{Limit: 1000}
	for {
		findings, err := a.DB.ImportFindings(e.ctx, done, filter)
		if err != nil {
			return err
		}
		for _, f := range findings {
			_, _ = fmt.Fprintf(e.out, "row %d %s %s %s: %s. %s\n", f.RowNo, f.Col, f.Severity, f.Code, f.MessageEN, f.MendEN)
			filter.AfterRow, filter.AfterPosition = f.RowNo, f.Position
		}
		if len(findings) < filter.Limit {
			break
		}
	}
	counts, err := json.Marshal(app.CountsOf(done))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "import %s is %s: %s\n", done.ID, done.State, counts)
	return err
}

type checkCmd struct {
	Parts []string `arg:"" optional:"" help:"Parts to verify: database, audit, rollup, counting, money, files. All if none is named."`
	Mark  string   `help:"An audit mark as printed on a bulletin, number:hash: proves that nothing up to it was changed since."`
}

// Run verifies the parts and fails on the first doubt.
func (k checkCmd) Run(e *env, c *config.Common) error {
	o, err := open(e.ctx, c)
	if err != nil {
		return err
	}
	defer o.close()
	checks := o.app.Checks()
	for _, name := range k.Parts {
		if !slices.ContainsFunc(checks, func(p app.CheckPart) bool { return p.Name == name }) {
			return fmt.Errorf("there is no part %q; see \"phaseout check --help\"", name)
		}
	}
	for _, part := range checks {
		if len(k.Parts) > 0 && !slices.Contains(k.Parts, part.Name) {
			continue
		}
		seen, err := part.Run(e.ctx)
		if err != nil {
			return fmt.Errorf("check %s: %w", part.Name, err)
		}
		_, _ = fmt.Fprintf(e.out, "%-9s ok, %s\n", part.Name, seen)
	}
	if k.Mark == "" {
		return nil
	}
	if err := o.app.DB.VerifyMark(e.ctx, k.Mark); err != nil {
		return fmt.Errorf("check mark: %w", err)
	}
	_, _ = fmt.Fprintf(e.out, "%-9s ok, the audit goes through it\n", "mark")
	return nil
}

type openAPICmd struct{}

// Run prints the document that the typed handlers make. It needs no database.
func (openAPICmd) Run(e *env) error {
	doc, err := api.Document()
	if err != nil {
		return err
	}
	_, err = e.out.Write(doc)
	return err
}
