package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"phaseout/internal/api"
	"phaseout/internal/app"
	"phaseout/internal/config"
	"phaseout/internal/jobs"
	"phaseout/internal/store"
	"phaseout/static"
)

type serveCmd struct {
	Addr           string   `help:"Address to listen on." env:"PHASEOUT_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	Prepare        bool     `help:"First bring the schema up to date and load reference data." env:"PHASEOUT_PREPARE"`
	Demo           bool     `help:"With --prepare: also load the demonstration, once." env:"PHASEOUT_DEMO"`
	DemoAssets     int      `help:"How many assets the demonstration has: at most 50000; 0 loads its stories alone." env:"PHASEOUT_DEMO_ASSETS" default:"50000" placeholder:"N"`
	TrustedProxies []string `help:"Addresses of proxies whose X-Forwarded-For is believed; none by default." env:"PHASEOUT_TRUSTED_PROXIES"`

	NoBackup          bool   `help:"Make no backups, restore drills and checks by the clock. On PostgreSQL they are made only with --backup-dir." env:"PHASEOUT_NO_BACKUP"`
	BackupAt          string `help:"Hour of the day, Asia/Shanghai, at which the backup is made." env:"PHASEOUT_BACKUP_AT" default:"02:30" placeholder:"HH:MM"`
	BackupKeep        int    `help:"How many backups stay; the oldest go once a new one is verified." env:"PHASEOUT_BACKUP_KEEP" default:"14"`
	RequestsPerMinute int    `help:"Requests that one account, or one address without an account, may make in a minute; 0 for no limit." env:"PHASEOUT_REQUESTS_PER_MINUTE" default:"1200"`
}

// upkeep completes the settings of what the server does by the clock.
func (s serveCmd) upkeep(c *config.Common, o *opened) error {
	at, err := time.Parse("15:04", s.BackupAt)
	if err != nil {
		return fmt.Errorf("setting backup-at (PHASEOUT_BACKUP_AT): %q is not an hour of the day; write it as 02:30", s.BackupAt)
	}
	if s.BackupKeep < 1 || s.BackupKeep > 1000 {
		return fmt.Errorf("setting backup-keep (PHASEOUT_BACKUP_KEEP): %d is not between 1 and 1000", s.BackupKeep)
	}
	if s.RequestsPerMinute < 0 {
		return fmt.Errorf("setting requests-per-minute (PHASEOUT_REQUESTS_PER_MINUTE): %d is less than 0", s.RequestsPerMinute)
	}
	u := &o.app.Upkeep
	u.Keep, u.At = s.BackupKeep, time.Duration(at.Hour())*time.Hour+time.Duration(at.Minute())*time.Minute
	// Of several hosts on one PostgreSQL only those that are told to make backups.
	u.Scheduled = !s.NoBackup && (o.app.DB.Engine() == store.SQLite || c.BackupDir != "")
	return nil
}

// How long a stopping server lets requests and jobs finish.
const grace = 10 * time.Second

// Run serves until it is told to stop.
func (s serveCmd) Run(e *env, c *config.Common) error {
	for _, proxy := range s.TrustedProxies {
		if _, _, err := net.ParseCIDR(proxy); err != nil && net.ParseIP(proxy) == nil {
			return fmt.Errorf("setting trusted-proxies (PHASEOUT_TRUSTED_PROXIES): %q is neither an address nor a network such as 10.0.0.0/8", proxy)
		}
	}
	if s.Prepare {
		if err := (migrateCmd{}).Run(e, c); err != nil {
			return err
		}
		if err := (seedCmd{Demo: s.Demo, DemoAssets: s.DemoAssets}).Run(e, c); err != nil {
			return err
		}
	}
	o, err := open(e.ctx, c)
	if err != nil {
		return err
	}
	defer o.close()
	if err := s.upkeep(c, o); err != nil {
		return err
	}
	log := c.Logger(e.errOut)
	queue, err := jobs.Start(e.ctx, o.app, log)
	if err != nil {
		return err
	}
	demo, err := o.app.HasDemo(e.ctx)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(e.ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("setting addr (PHASEOUT_ADDR): cannot listen on %s: %w", s.Addr, err)
	}
	server := &http.Server{
		Handler: api.New(api.Options{App: o.app, Version: version, ClockOverridden: o.overridden, Demo: demo, Console: static.Handler(), Log: log,
			TrustedProxies: s.TrustedProxies, RequestsPerMinute: s.RequestsPerMinute, Stopping: e.ctx.Done()}).Handler(),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	welcome(e.out, listener.Addr().String(), o, demo)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err = <-failed:
	case <-e.ctx.Done():
		log.Info("stopping")
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), grace)
	defer cancel()
	return errors.Join(ignoreClosed(err), server.Shutdown(closing), queue.Stop(closing))
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// welcome says where the server is and, for the demonstration, who can log in.
func welcome(w io.Writer, addr string, o *opened, demo bool) {
	_, _ = fmt.Fprintf(w, "phaseout %s serves on http://%s\n", version, addr)
	if !static.Built() {
		_, _ = fmt.Fprintln(w, "The console is not built into this program; install Node.js and run \"make build\". The API works.")
	}
	if o.overridden {
		_, _ = fmt.Fprintf(w, "The clock is set: today is %s.\n", o.app.Today())
	}
	if !demo {
		return
	}
	_, _ = fmt.Fprintf(w, "\nDemonstration accounts, password %s:\n", app.DemoPassword)
	for _, a := range app.DemoAccounts() {
		if a.Scope == "430000" || strings.HasSuffix(a.Username, ".changsha") || strings.HasSuffix(a.Username, ".yuelu") {
			_, _ = fmt.Fprintf(w, "  %-18s %-9s %s\n", a.Username, a.Role, a.Name)
		}
	}
	_, _ = fmt.Fprintln(w, "  and the same for zhuzhou, xiangtan, yueyang, changde and yiyang")
}

type healthCmd struct {
	Addr string `help:"Address of the server." env:"PHASEOUT_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
}

// Run fails unless the server answers that it is ready.
func (h healthCmd) Run(e *env) error {
	host, port, err := net.SplitHostPort(h.Addr)
	if err != nil {
		return fmt.Errorf("setting addr (PHASEOUT_ADDR): %w", err)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(e.ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not ready: %s", res.Status)
	}
	_, err = fmt.Fprintln(e.out, "ready")
	return err
}
