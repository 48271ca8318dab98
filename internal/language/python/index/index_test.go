package index

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// upstream is an index that asks for a password.
func upstream(t *testing.T, page func(r *http.Request) (kind, body string)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "reader" || password != "hunter2" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		switch {
		case strings.HasPrefix(r.URL.Path, "/files/"):
			fmt.Fprintf(w, "content of %s", r.URL.Path)
		default:
			kind, body := page(r)
			if kind == "" {
				http.Redirect(w, r, body, http.StatusFound)
				return
			}
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Set-Cookie", "session=hunter2")
			_, _ = io.WriteString(w, body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// reach opens a proxy for the index and returns what asks it.
func reach(t *testing.T, s *httptest.Server) func(path string) (int, string) {
	t.Helper()
	p, err := Open(Options{Indexes: []string{strings.Replace(s.URL, "://", "://reader:hunter2@", 1) + "/simple/"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(p.Dir, "socket"))
	}}}
	t.Cleanup(client.CloseIdleConnections)
	return func(path string) (int, string) {
		res, err := client.Get("http://127.0.0.1:7280" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprint(res.Header) + string(body)
		for _, secret := range []string{"hunter2", "reader", "2retnuh", "cmVhZGVyOmh1bnRlcjI"} {
			if strings.Contains(all, secret) {
				t.Errorf("%s: the answer has %q: %s", path, secret, all)
			}
		}
		return res.StatusCode, string(body)
	}
}

var links = regexp.MustCompile(`"(/files/[^"#]+)(#[^"]*)?"`)

func TestPagesLinkToTheProxyWhichAddsTheCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, body string }{
		{"HTML", "text/html", `<!DOCTYPE html><a data-requires-python="&gt;=3.8" href="../../files/sample-1.0.whl#sha256=abc">sample-1.0.whl</a>`},
		{"HTML with a base", "text/html", `<base href="/files/"><A class='x' HREF='sample-1.0.whl#sha256=abc'>sample-1.0.whl</A>`},
		{"JSON", "application/vnd.pypi.simple.v1+json", `{"meta": {"api-version": "1.1"}, "files": [{"filename": "sample-1.0.whl", "url": "/files/sample-1.0.whl#sha256=abc", "size": 12345678901234567890}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ask := reach(t, upstream(t, func(*http.Request) (string, string) { return c.kind, c.body }))
			status, page := ask("/0/sample/")
			m := links.FindStringSubmatch(page)
			if status != http.StatusOK || m == nil || m[2] != "#sha256=abc" || !strings.HasSuffix(m[1], "/sample-1.0.whl") {
				t.Fatalf("got %d %s", status, page)
			}
			if strings.Contains(c.body, "12345678901234567890") && !strings.Contains(page, "12345678901234567890") {
				t.Errorf("a number changed: %s", page)
			}
			if status, got := ask(m[1]); status != http.StatusOK || got != "content of /files/sample-1.0.whl" {
				t.Errorf("the file: %d %s", status, got)
			}
			if status, got := ask(m[1] + ".metadata"); status != http.StatusOK || got != "content of /files/sample-1.0.whl.metadata" {
				t.Errorf("its metadata: %d %s", status, got)
			}
		})
	}
}

func TestNothingButTheIndexIsReached(t *testing.T) {
	t.Parallel()
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the dashboard") }))
	t.Cleanup(secret.Close)
	body := fmt.Sprintf(`<a href="%s/x.whl">a</a><a href="http://169.254.169.254/latest/x.whl">b</a><a href="file:///etc/passwd">c</a>`, secret.URL)
	s := upstream(t, func(r *http.Request) (string, string) {
		if r.URL.Path == "/simple/away/" {
			return "", secret.URL
		}
		return "text/html", body
	})
	ask := reach(t, s)
	_, page := ask("/0/sample/")
	found := links.FindAllStringSubmatch(page, -1)
	if len(found) != 2 || strings.Contains(page, "passwd") {
		t.Fatalf("got %s", page)
	}
	paths := []string{
		"/", "/1/sample/", "/99/sample/", "/0/../../files/x.whl", "/0/a/b/", "/files/00000000000000000000000000000000/x.whl", "/links/0", "/0/away/",
	}
	for _, m := range found {
		paths = append(paths, m[1])
	}
	for _, path := range paths {
		if status, got := ask(path); status == http.StatusOK || strings.Contains(got, "dashboard") {
			t.Errorf("%s: got %d %s", path, status, got)
		}
	}
}

func TestAddressesOfPrivateNetworksAreNotPublic(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fd00::1", "fe80::1", "0.0.0.0", "100.100.100.200", "::ffff:127.0.0.1", "224.0.0.1"} {
		if public(netip.MustParseAddr(address)) {
			t.Errorf("%s is public", address)
		}
	}
	for _, address := range []string{"151.101.0.223", "2a04:4e42::223"} {
		if !public(netip.MustParseAddr(address)) {
			t.Errorf("%s is not public", address)
		}
	}
}

func TestAnAddressThatIsNoIndexIsRefusedWithoutBeingNamed(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ftp://reader:hunter2@files.example.org", "https://", "://hunter2", "/srv/simple"} {
		if _, err := Open(Options{Indexes: []string{address}}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", address, err)
		}
	}
}
