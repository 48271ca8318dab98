// Package index lets a sandbox without a network reach the package indexes that
// are configured on the host, and nothing else.
//
//	p, err := index.Open(index.Options{Indexes: []string{"https://user:password@pip.example.com/simple"}})
//	defer p.Close()
//	spec.Mounts = append(spec.Mounts, sandbox.Mount{Host: p.Dir, Target: "/index"})
//	// inside: relay 127.0.0.1 to /index/socket; PIP_INDEX_URL=http://127.0.0.1:7280/0/
//
// A proxy listens on a Unix socket. It answers GET for a project's page of an
// index (/0/NAME/), for a page of links (/links/0/), and for the files that such
// pages have linked to (/files/ID/FILENAME), whose addresses it replaces by its
// own. It adds the credentials: none is in the sandbox. A link, or a redirect, to
// an address of this host or of a private network is followed only where an index
// is configured there.
package index

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/repaird/repaird/internal/fault"
)

// Options say what may be reached, and how.
type Options struct {
	Indexes  []string          // URLs of indexes, with credentials
	Links    []string          // URLs of pages of links (pip's find-links), with credentials
	CA       []byte            // PEM, of certificates to trust besides the system's
	Client   []byte            // PEM, certificate and key with which to identify
	Trusted  []string          // hosts, with or without port, whose certificates are not checked
	Proxy    *httpproxy.Config // proxies of the host; nil: none
	UID, GID int               // that may connect
}

// A Proxy serves one build. Safe for concurrent use.
type Proxy struct {
	Dir string // directory of the socket, named socket

	indexes []*url.URL
	links   []*url.URL
	client  *http.Client
	server  *http.Server
	served  chan struct{}

	mu    sync.Mutex
	files map[string]*url.URL // by id
}

// maxPage limits a page of an index that is read to rewrite it, in bytes.
const maxPage = 64 << 20

// Open starts a proxy.
func Open(o Options) (_ *Proxy, err error) {
	defer fault.Wrap(&err, "package index")
	p := &Proxy{served: make(chan struct{}), files: map[string]*url.URL{}}
	if p.indexes, err = addresses(o.Indexes); err != nil {
		return nil, err
	}
	if p.links, err = addresses(o.Links); err != nil {
		return nil, err
	}
	if p.client, err = p.newClient(o); err != nil {
		return nil, err
	}
	if p.Dir, err = os.MkdirTemp("", "repaird-index-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(p.Dir)
		}
	}()
	name := filepath.Join(p.Dir, "socket")
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	// No other user of this host gets at the indexes through it.
	for _, f := range []string{name, p.Dir} {
		if os.Geteuid() == 0 {
			err = errors.Join(err, os.Lchown(f, o.UID, o.GID))
		}
		err = errors.Join(err, os.Chmod(f, 0o700))
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(l)
	}()
	return p, nil
}

// Close ends all connections and removes the socket.
func (p *Proxy) Close() error {
	err := p.server.Close()
	<-p.served
	p.client.CloseIdleConnections()
	return errors.Join(err, os.RemoveAll(p.Dir))
}

func addresses(raw []string) ([]*url.URL, error) {
	var all []*url.URL
	for _, text := range raw {
		u, err := url.Parse(strings.TrimRight(text, "/"))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fault.Errorf(fault.Invalid, "the address of an index is not that of an HTTP server") // it may contain a password
		}
		all = append(all, u)
	}
	return all, nil
}

// newClient connects to what is public, or configured.
func (p *Proxy) newClient(o Options) (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(o.CA)
	conf := &tls.Config{RootCAs: roots}
	if len(o.Client) > 0 {
		pair, err := tls.X509KeyPair(o.Client, o.Client)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "the client certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	allowed := map[string]bool{} // host:port
	for _, u := range append(append([]*url.URL{}, p.indexes...), p.links...) {
		allowed[hostPort(u)] = true
	}
	transport := &http.Transport{
		TLSClientConfig: conf, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: 3 * time.Minute,
	}
	if o.Proxy != nil {
		proxyFor := o.Proxy.ProxyFunc()
		for _, text := range []string{o.Proxy.HTTPProxy, o.Proxy.HTTPSProxy} {
			if u, err := url.Parse(text); err == nil && u.Host != "" {
				allowed[hostPort(u)] = true
			}
		}
		transport.Proxy = func(r *http.Request) (*url.URL, error) {
			if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && !public(ip) && !allowed[hostPort(r.URL)] {
				return nil, fault.Errorf(fault.Denied, "an address of a private network")
			}
			return proxyFor(r.URL)
		}
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Timeout: 30 * time.Second}
		if !allowed[address] {
			d.Control = func(_, to string, _ syscall.RawConn) error {
				if at, err := netip.ParseAddrPort(to); err != nil || !public(at.Addr()) {
					return fault.Errorf(fault.Denied, "an address of a private network")
				}
				return nil
			}
		}
		return d.DialContext(ctx, network, address)
	}
	return &http.Client{Transport: trusting{transport, o.Trusted}}, nil
}

// trusting does not check the certificates of some hosts.
type trusting struct {
	*http.Transport
	hosts []string
}

func (t trusting) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, host := range t.hosts {
		if host == r.URL.Hostname() || host == r.URL.Host {
			insecure := t.Transport.Clone()
			insecure.DisableKeepAlives = true
			insecure.TLSClientConfig.InsecureSkipVerify = true // as the operator configured it for pip
			return insecure.RoundTrip(r)
		}
	}
	return t.Transport.RoundTrip(r)
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func public(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !shared.Contains(ip)
}

var shared = netip.MustParsePrefix("100.64.0.0/10") // between carriers and customers: some clouds' metadata

var (
	projectPage = regexp.MustCompile(`^/(\d{1,2})/([A-Za-z0-9][A-Za-z0-9._-]*)/?$`)
	linksPage   = regexp.MustCompile(`^/links/(\d{1,2})/?$`)
	file        = regexp.MustCompile(`^/files/([0-9a-f]{32})/([^/]+)$`)
)

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	if m := projectPage.FindStringSubmatch(r.URL.Path); m != nil {
		if u := nth(p.indexes, m[1]); u != nil {
			p.page(w, r, u.JoinPath(m[2], "/"))
			return
		}
	}
	if m := linksPage.FindStringSubmatch(r.URL.Path); m != nil {
		if u := nth(p.links, m[1]); u != nil {
			p.page(w, r, u)
			return
		}
	}
	if m := file.FindStringSubmatch(r.URL.Path); m != nil {
		p.file(w, r, m[1], m[2])
		return
	}
	http.Error(w, "this sandbox reaches the configured package index only", http.StatusForbidden)
}

func nth(all []*url.URL, n string) *url.URL {
	if i, err := strconv.Atoi(n); err == nil && i < len(all) {
		return all[i]
	}
	return nil
}

// get asks upstream what the sandbox asks for.
func (p *Proxy) get(r *http.Request, u *url.URL, headers ...string) (*http.Response, error) {
	up, err := http.NewRequestWithContext(r.Context(), r.Method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for _, name := range headers {
		if v := r.Header.Get(name); v != "" {
			up.Header.Set(name, v)
		}
	}
	if u.User == nil {
		// Files are often behind the index's own credentials.
		for _, own := range append(append([]*url.URL{}, p.indexes...), p.links...) {
			if own.User != nil && own.Scheme == u.Scheme && own.Host == u.Host {
				password, _ := own.User.Password()
				up.SetBasicAuth(own.User.Username(), password)
				break
			}
		}
	}
	up.Header.Set("User-Agent", r.Header.Get("User-Agent"))
	return p.client.Do(up)
}

// failed answers without what the error says: it can name an address with its
// credentials.
func failed(w http.ResponseWriter, err error) {
	why := "the package index cannot be reached"
	if fault.KindOf(err) == fault.Denied {
		why = "a link to an address of a private network is not followed"
	}
	http.Error(w, why, http.StatusBadGateway)
}

// page answers with a page whose links lead here.
func (p *Proxy) page(w http.ResponseWriter, r *http.Request, u *url.URL) {
	res, err := p.get(r, u, "Accept")
	if err != nil {
		failed(w, err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		http.Error(w, http.StatusText(res.StatusCode), res.StatusCode)
		return
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxPage+1))
	if err != nil || len(data) > maxPage {
		http.Error(w, "the page cannot be read", http.StatusBadGateway)
		return
	}
	kind := res.Header.Get("Content-Type")
	data, err = p.rewrite(data, kind, res.Request.URL)
	if err != nil {
		http.Error(w, "the page cannot be read", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data)
}

// file answers with a file that a page has linked to, or with its metadata
// (PEP 658).
func (p *Proxy) file(w http.ResponseWriter, r *http.Request, id, name string) {
	p.mu.Lock()
	u := p.files[id]
	p.mu.Unlock()
	if u == nil {
		http.NotFound(w, r)
		return
	}
	if strings.HasSuffix(name, ".metadata") && !strings.HasSuffix(u.Path, ".metadata") {
		u = u.JoinPath()
		u.Path, u.RawPath = u.Path+".metadata", ""
	}
	res, err := p.get(r, u, "Accept", "Range", "If-Range")
	if err != nil {
		failed(w, err)
		return
	}
	defer res.Body.Close()
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Last-Modified"} {
		if v := res.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body)
}

// linked returns the proxy's own address of a file.
func (p *Proxy) linked(u *url.URL) string {
	sum := sha256.Sum256([]byte(u.String()))
	id := hex.EncodeToString(sum[:16])
	p.mu.Lock()
	p.files[id] = u
	p.mu.Unlock()
	name := u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	return fmt.Sprintf("/files/%s/%s", id, url.PathEscape(name))
}
