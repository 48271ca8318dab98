// Package web is the dashboard: the list of incidents, a live page for each run
// (server-sent events) with its evidence, and the local forge's pull requests.
// Pages are rendered on the server; the only script refreshes them.
//
// All content is untrusted and escaped; pull request Markdown is rendered and
// then sanitised. A token is required unless the server listens on loopback only.
// A run's question can be answered on its page, from the page alone: requests of
// other origins are refused.
package web

import (
	"crypto/subtle"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/secret"
	"github.com/repaird/repaird/internal/text"
)

//go:embed templates/*.html static/*
var files embed.FS

// Options configure the dashboard.
type Options struct {
	DB     *postgres.DB
	Token  secret.String // empty: no authentication
	Logger *slog.Logger
	// PublicURL is the dashboard's external address. Without a token, requests
	// whose Host is neither its host nor loopback are refused, which guards
	// against DNS rebinding.
	PublicURL string
	// Poll is how often a live page polls the database; default 400 ms.
	Poll time.Duration
}

// A server renders pages.
type server struct {
	Options
	pages map[string]*template.Template
}

// New returns the dashboard's handler.
func New(o Options) (http.Handler, error) {
	if o.Poll == 0 {
		o.Poll = 400 * time.Millisecond
	}
	s := &server{Options: o, pages: map[string]*template.Template{}}
	for _, page := range []string{"incidents", "incident", "run", "pull", "login", "error"} {
		t, err := template.New("layout.html").Funcs(functions).ParseFS(files, "templates/layout.html", "templates/"+page+".html")
		if err != nil {
			return nil, err
		}
		s.pages[page] = t
	}
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(headers)
	r.Handle("/static/*", http.StripPrefix("/static/", http.FileServerFS(static)))
	r.Get("/login", s.login)
	r.Post("/login", s.login)
	r.Group(func(r chi.Router) {
		r.Use(s.authorise)
		r.Get("/", s.page(s.incidents))
		r.Get("/incidents/{id}", s.page(s.incident))
		r.Get("/runs/{id}", s.page(s.run))
		r.With(http.NewCrossOriginProtection().Handler).Post("/runs/{id}/decide", s.decide)
		r.Get("/runs/{id}/live", s.live)
		r.Get("/runs/{id}/artifacts/{name}", s.artifact)
		r.Get("/pulls/{number}", s.page(s.pull))
	})
	r.NotFound(s.authorise(s.page(func(*http.Request) (string, any, error) {
		return "", nil, fault.Errorf(fault.NotFound, "page not found")
	})).ServeHTTP)
	return r, nil
}

// headers restricts pages to our own script and style sheet and keeps them out
// of frames and caches.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

const cookie = "repaird_token"

func (s *server) authorise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if c, err := r.Cookie(cookie); err == nil && given == "" {
			given = c.Value
		}
		if s.Token.Empty() && !s.ourHost(r.Host) {
			http.Error(w, "the Host header does not match public_url", http.StatusMisdirectedRequest)
			return
		}
		if s.Token.Empty() || s.valid(given) {
			next.ServeHTTP(w, r)
			return
		}
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		http.Error(w, "authentication required: send Authorization: Bearer <web.token>", http.StatusUnauthorized)
	})
}

func (s *server) ourHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if u, err := url.Parse(s.PublicURL); err == nil && strings.EqualFold(u.Hostname(), host) {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *server) valid(given string) bool {
	return given != "" && subtle.ConstantTimeCompare([]byte(given), []byte(s.Token.Reveal())) == 1
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	wrong := false
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, 4096)
		if s.valid(r.PostFormValue("token")) {
			//nolint:gosec // Secure whenever the request came over TLS; on loopback it may not have
			http.SetCookie(w, &http.Cookie{Name: cookie, Value: s.Token.Reveal(), Path: "/", HttpOnly: true,
				Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https", SameSite: http.SameSiteStrictMode, MaxAge: 7 * 24 * 3600})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		wrong = true
		w.WriteHeader(http.StatusUnauthorized)
	}
	s.render(w, "login", map[string]any{"Title": "Sign in", "Wrong": wrong})
}

// page renders what f returns: a template's name and its data.
func (s *server) page(f func(*http.Request) (string, any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, data, err := f(r)
		if err == nil {
			s.render(w, name, data)
			return
		}
		status, message := http.StatusInternalServerError, "Something went wrong. See the daemon's log."
		switch fault.KindOf(err) {
		case fault.NotFound:
			status, message = http.StatusNotFound, "This page, incident or run does not exist."
		case fault.Retryable:
			status, message = http.StatusServiceUnavailable, "The database is unavailable. Accepted events are safe; try again in a moment."
			w.Header().Set("Retry-After", "5")
		case fault.Invalid:
			status, message = http.StatusUnprocessableEntity, sentence(err.Error())
		}
		if status != http.StatusNotFound && status != http.StatusUnprocessableEntity {
			s.Logger.Error("page", "path", r.URL.Path, "error", err)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		s.render(w, "error", map[string]any{"Title": http.StatusText(status), "Text": message})
	}
}

// sentence makes an error's text one.
func sentence(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:] + "."
}

func (s *server) render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := s.pages[name].Execute(w, data); err != nil {
		s.Logger.Error("render", "page", name, "error", err)
	}
}

var functions = template.FuncMap{
	"count": func(n int64, noun string) string { return text.Count(int(n), noun) },
	"ago":   func(t time.Time) string { return ago(time.Since(t)) },
	"time":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"short": func(s string) string { return text.Head(s, 12) },
	"pct":   func(f float64) string { return fmt.Sprintf("%.2f", f) },
	"diff":  diffLines,
	"value": func(v incident.Value) string { return render(v, 0) },
	"ms": func(n int64) string {
		return (time.Duration(n) * time.Millisecond).Round(10 * time.Millisecond).String()
	},
}

// render formats a recorded value roughly as source would, down to a bounded
// depth.
func render(v incident.Value, depth int) string {
	if depth > 6 {
		return "…"
	}
	var parts []string
	switch v.Kind {
	case incident.KindList:
		for _, x := range v.Items {
			parts = append(parts, render(x, depth+1))
		}
		return "[" + strings.Join(parts, ", ") + mark(v) + "]"
	case incident.KindDict:
		for _, f := range v.Fields {
			parts = append(parts, "'"+f.Name+"': "+render(f.Value, depth+1))
		}
		return "{" + strings.Join(parts, ", ") + mark(v) + "}"
	}
	if v.Repr == "" {
		return v.Text(6-depth, 50) + mark(v)
	}
	return v.Repr + mark(v)
}

func mark(v incident.Value) string {
	switch {
	case v.Filtered:
		return " (filtered)"
	case v.Trimmed:
		return " … (truncated by the SDK)"
	}
	return ""
}

func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// A diffLine is one line of a unified diff with its CSS class.
type diffLine struct{ Class, Text string }

func diffLines(diff string) []diffLine {
	var out []diffLine
	for line := range strings.SplitSeq(strings.TrimSuffix(diff, "\n"), "\n") {
		class := ""
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"), strings.HasPrefix(line, "diff "):
			class = "file"
		case strings.HasPrefix(line, "@@"):
			class = "hunk"
		case strings.HasPrefix(line, "+"):
			class = "add"
		case strings.HasPrefix(line, "-"):
			class = "del"
		}
		out = append(out, diffLine{class, line})
	}
	return out
}
