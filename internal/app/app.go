// Package app wires the daemon together: New opens the configured parts, Start
// serves without blocking, Stop closes what New and Start opened, last in,
// first out. It also holds the one-shot repair and the demo, which use the same
// parts.
package app

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/forge/github"
	"github.com/repaird/repaird/internal/forge/local"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/orchestrator"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/secret"
	"github.com/repaird/repaird/internal/web"
)

// An App is one daemon.
type App struct {
	Config   *config.Config
	DB       *postgres.DB
	Logger   *slog.Logger
	state    *State
	backend  sandbox.Backend
	listener net.Listener
	server   *http.Server
	orc      *orchestrator.Orchestrator
	failed   chan error // the HTTP server's error
	cleanups []cleanup
}

type cleanup struct {
	name string
	run  func(context.Context) error
}

func (a *App) onStop(name string, run func(context.Context) error) {
	a.cleanups = append(a.cleanups, cleanup{name, run})
}

// New opens database, sandbox, forges and the listening socket. If it fails,
// nothing is left open.
func New(ctx context.Context, c *config.Config, log *slog.Logger, failpoint func(string)) (_ *App, err error) {
	a := &App{Config: c, Logger: log, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			_ = a.Stop(context.WithoutCancel(ctx))
		}
	}()
	key, err := c.Key()
	if err != nil {
		return nil, err
	}
	box, err := secret.NewBox(key)
	if err != nil {
		return nil, err
	}
	if a.DB, err = postgres.Open(ctx, c.Database.Reveal(), 30*time.Second); err != nil {
		return nil, err
	}
	a.onStop("database", func(context.Context) error { a.DB.Close(); return nil })
	if err = a.DB.Migrate(ctx); err != nil {
		return nil, err
	}
	machine := machineOf(c, log)
	backend, bases, err := machine.Sandbox(ctx)
	if err != nil {
		return nil, err
	}
	proposer, err := Proposer(c.Model, backend)
	if err != nil {
		return nil, err
	}
	if a.state, err = machine.State(); err != nil {
		return nil, err
	}
	a.onStop("state", func(context.Context) error { return a.state.Close() })
	pl := a.state.Pipeline(backend, bases, proposer)
	if pl.Reader, err = readerVia(nil, c.Model); err != nil {
		return nil, err
	}
	pl.Fetch, pl.Repeats = newFetcher(c.Projects), c.Repeats
	forges, hub, err := a.forges(ctx)
	if err != nil {
		return nil, err
	}
	pl.Source = &pipeline.Repos{Store: a.state.Store, Token: repoToken(hub)}
	projects := map[string]pipeline.Project{}
	for _, p := range c.Projects {
		projects[p.Name] = project(p, c, key, forges[p.Forge])
	}
	o := orchestratorOptions(c)
	o.DB, o.Box, o.Stages, o.Logger, o.Failpoint = a.DB, box, pl, log, failpoint
	o.Project = func(name string) (pipeline.Project, bool) { p, ok := projects[name]; return p, ok }
	o.Clean = func(project, text string) redact.Clean { return redact.New(redactKey(key, project)).Text(text, nil) }
	if a.orc, err = orchestrator.New(o); err != nil {
		return nil, err
	}
	handler, err := a.handler()
	if err != nil {
		return nil, err
	}
	// Slow senders are disconnected; the page's live stream lifts the write
	// limit for itself.
	a.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 40 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 60 * time.Second, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, fault.Errorf(fault.Invalid, "listen: %w", err)
	}
	a.onStop("listener", func(context.Context) error { _ = a.listener.Close(); return nil })
	a.backend = backend
	a.reap(ctx)
	return a, nil
}

// reap removes what dead daemons left behind.
func (a *App) reap(ctx context.Context) {
	if n, err := a.backend.Reap(ctx); err != nil {
		a.Logger.Warn("left-over sandboxes could not be removed", "error", err)
	} else if n > 0 {
		a.Logger.Info("left-over sandboxes removed", "count", n)
	}
	if n, err := a.state.Reap(); err != nil {
		a.Logger.Warn("left-over folders could not be removed", "error", err)
	} else if n > 0 {
		a.Logger.Info("left-over folders of dead processes removed", "count", n)
	}
}

// reapEvery keeps reaping until the returned function is called: an engine may
// complete a request after the daemon that sent it has died.
func (a *App) reapEvery(interval time.Duration) (stop func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				a.reap(ctx)
			}
		}
	}()
	return func(context.Context) error { cancel(); <-done; return nil }
}

// Address is where the daemon listens.
func (a *App) Address() string { return a.listener.Addr().String() }

// Run serves and works until ctx ends or the HTTP server fails, then shuts down
// gracefully: stages may finish within grace.
func (a *App) Run(ctx context.Context, grace time.Duration) error {
	failed := a.Start(ctx)
	if failed == nil {
		select {
		case <-ctx.Done():
		case failed = <-a.failed: // an unreachable daemon must not look alive
		}
	}
	if failed != nil {
		a.Logger.Error("stopping", "error", failed)
	} else {
		a.Logger.Info("shutting down; stages may finish within " + grace.String())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return errors.Join(failed, a.Stop(ctx))
}

// Start serves and works; it does not block.
func (a *App) Start(ctx context.Context) error {
	if err := a.orc.Start(ctx); err != nil {
		return err
	}
	a.onStop("reaper", a.reapEvery(5*time.Minute))
	a.onStop("orchestrator", a.orc.Stop)
	go func() {
		if err := a.server.Serve(a.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("the HTTP server on %s has failed: %w", a.Address(), err)
		}
	}()
	// Before the orchestrator: requests in flight are still accepted.
	a.onStop("http", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if a.server.Shutdown(ctx) != nil {
			return a.server.Close() // live streams do not end by themselves
		}
		return nil
	})
	a.Logger.Info("repaird is listening", "address", a.Address(), "projects", len(a.Config.Projects))
	return nil
}

// Stop shuts down gracefully: first the socket, then the stages, which may
// finish until ctx ends, then the database.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	for i := len(a.cleanups) - 1; i >= 0; i-- {
		if err := a.cleanups[i].run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.cleanups[i].name, err))
		}
	}
	a.cleanups = nil
	return errors.Join(errs...)
}

func (a *App) handler() (http.Handler, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ic := intakeConfig(a.Config)
	ic.Acceptor, ic.Log, ic.Metrics = a.orc, a.Logger, newMetrics(registry)
	in, err := intake.New(ic)
	if err != nil {
		return nil, err
	}
	pages, err := web.New(web.Options{DB: a.DB, PublicURL: a.Config.PublicURL, Token: a.Config.Web.Token.String, Logger: a.Logger})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, path := range []string{"/webhooks/", "/api/", "/v1/"} {
		mux.Handle(path, in)
	}
	mux.Handle("/metrics", bearer(a.Config.Web.Token.String, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := a.DB.Pool.Ping(ctx); err != nil {
			http.Error(w, "the database does not respond", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("/", pages)
	return mux, nil
}

// bearer requires the token if one is configured.
func bearer(token secret.String, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !token.Empty() && subtle.ConstantTimeCompare([]byte(given), []byte(token.Reveal())) != 1 {
			http.Error(w, "a token is required: Authorization: Bearer <web.token>", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// forges opens the projects' forges.
func (a *App) forges(ctx context.Context) (map[string]forge.Forge, *github.Forge, error) {
	c, out := a.Config, map[string]forge.Forge{}
	repositories, err := localRepositories(c.Projects)
	if err != nil {
		return nil, nil, err
	}
	if len(repositories) > 0 {
		f, err := local.New(ctx, local.Options{Repositories: repositories, Store: pullStore{a.DB}, PageURL: strings.TrimRight(c.PublicURL, "/") + "/pulls/", Log: a.Logger})
		if err != nil {
			return nil, nil, err
		}
		out["local"] = f
	}
	if c.GitHub == nil {
		return out, nil, nil
	}
	o := gitHubOptions(c.GitHub)
	o.Log = a.Logger
	f, err := github.New(o)
	if err != nil {
		return nil, nil, err
	}
	out["github"] = f
	return out, f, nil
}

// repoToken returns the App's or the configured token for fetching mirrors of
// GitHub repositories.
func repoToken(hub *github.Forge) func(context.Context, pipeline.Project) (secret.String, error) {
	if hub == nil {
		return nil
	}
	return func(ctx context.Context, p pipeline.Project) (secret.String, error) {
		if !strings.HasPrefix(p.URL, "https://github.com/") {
			return secret.String{}, nil
		}
		return hub.Token(ctx, p.Repository)
	}
}
