package environment

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/repaird/repaird/internal/language/python/index"
	"github.com/repaird/repaird/internal/sandbox"
)

// pipConfig is the host's configuration of pip, translated for a sandbox: the
// index, proxies, certificates and find-links that installing requires belong
// to the host, not to the repository. What has credentials is for the proxy
// through which a build reaches the index; the sandbox has none.
type pipConfig struct {
	env      map[string]string
	upstream index.Options
	implicit bool // no index is configured: pip's own comes before those of upstream
	mounts   []sandbox.Mount
	notes    []string // what could not be passed on
}

// proxyAddress is where a build finds the proxy's addresses.
const proxyAddress = "http://127.0.0.1:7280"

// pipKeys are the options that are passed on. Others (target, user, prefix,
// cache-dir, require-virtualenv, …) are about the host's own Python.
var pipKeys = map[string]bool{
	"index-url": true, "extra-index-url": true, "trusted-host": true, "find-links": true, "no-index": true,
	"cert": true, "client-cert": true, "proxy": true, "timeout": true, "default-timeout": true, "retries": true,
	"prefer-binary": true, "only-binary": true, "no-binary": true, "pre": true, "no-build-isolation": true,
	"use-feature": true, "use-deprecated": true,
}

const maxCertificate = 16 << 20

// readPipConfig reads, from low to high precedence, pip's configuration files
// (system, user, PIP_CONFIG_FILE) and the PIP_* variables of environ.
// https://pip.pypa.io/en/stable/topics/configuration/
func readPipConfig(environ []string) pipConfig {
	vars := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	options := map[string]string{}
	for _, name := range pipFiles(vars) {
		if data, err := os.ReadFile(name); err == nil && len(data) < 1<<20 {
			for k, v := range parsePipFile(string(data)) {
				options[k] = v
			}
		}
	}
	for name, value := range vars {
		if key, ok := strings.CutPrefix(name, "PIP_"); ok && value != "" {
			options[strings.ReplaceAll(strings.ToLower(key), "_", "-")] = value
		}
	}
	c := pipConfig{env: map[string]string{}}
	c.upstream.UID, c.upstream.GID = sandbox.Account()
	c.upstream.Proxy = &httpproxy.Config{
		HTTPProxy: cmp.Or(options["proxy"], vars["http_proxy"], vars["HTTP_PROXY"]), HTTPSProxy: cmp.Or(options["proxy"], vars["https_proxy"], vars["HTTPS_PROXY"]),
		NoProxy: cmp.Or(vars["no_proxy"], vars["NO_PROXY"]),
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if pipKeys[key] {
			c.option(key, options[key])
		}
	}
	for _, key := range []string{"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"} {
		c.upstream.CA = append(c.upstream.CA, c.file(vars[key])...)
	}
	if off := options["no-index"]; off == "" || off == "0" || off == "false" {
		c.indexes(options["index-url"], strings.Fields(options["extra-index-url"]))
	}
	return c
}

// indexes gives the sandbox the proxy's addresses of the indexes.
func (c *pipConfig) indexes(main string, extra []string) {
	if c.implicit = main == ""; !c.implicit {
		c.upstream.Indexes = []string{main}
	}
	c.upstream.Indexes = append(c.upstream.Indexes, extra...)
	c.env["PIP_INDEX_URL"] = proxyAddress + "/0/"
	var more []string
	for i := range extra {
		more = append(more, fmt.Sprintf("%s/%d/", proxyAddress, i+1))
	}
	if len(more) > 0 {
		c.env["PIP_EXTRA_INDEX_URL"] = strings.Join(more, " ")
	}
}

func pipFiles(vars map[string]string) []string {
	var files []string
	for _, dir := range strings.Split(vars["XDG_CONFIG_DIRS"], ":") {
		if dir != "" {
			files = append(files, filepath.Join(dir, "pip/pip.conf"))
		}
	}
	files = append(files, "/etc/xdg/pip/pip.conf", "/etc/pip.conf")
	if home := vars["HOME"]; home != "" {
		files = append(files, filepath.Join(home, ".pip/pip.conf"))
		config := vars["XDG_CONFIG_HOME"]
		if config == "" {
			config = filepath.Join(home, ".config")
		}
		files = append(files, filepath.Join(config, "pip/pip.conf"))
	}
	if own := vars["PIP_CONFIG_FILE"]; own == os.DevNull {
		return nil // pip's notation for "no files"
	} else if own != "" {
		files = append(files, own)
	}
	return files
}

// parsePipFile reads the sections that apply to an install. Values may continue
// on indented lines. The install section overrides global.
func parsePipFile(text string) map[string]string {
	sections, merged := parseINI(text), map[string]string{}
	for _, name := range []string{"global", "install"} {
		for key, value := range sections[name] {
			merged[strings.ReplaceAll(key, "_", "-")] = strings.ReplaceAll(value, "\n", " ")
		}
	}
	return merged
}

// option translates one option to a PIP_* variable of the sandbox.
func (c *pipConfig) option(key, value string) {
	switch key {
	case "index-url", "extra-index-url", "proxy":
		return
	case "cert":
		c.upstream.CA = append(c.upstream.CA, c.file(value)...)
		return
	case "client-cert":
		c.upstream.Client = c.file(value)
		return
	case "trusted-host":
		c.upstream.Trusted = strings.Fields(value)
		return
	case "find-links":
		value = c.findLinks(value)
	}
	if value != "" {
		c.env["PIP_"+strings.ToUpper(strings.ReplaceAll(key, "-", "_"))] = value
	}
}

// file reads a certificate; nil if there is none.
func (c *pipConfig) file(name string) []byte {
	if name == "" {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxCertificate {
		c.notes = append(c.notes, name+" cannot be read")
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		c.notes = append(c.notes, name+" cannot be read")
	}
	return append(data, '\n')
}

// findLinks mounts the directories among the links. A directory that the
// sandbox's user cannot read, or a link to a single file, is skipped and noted.
func (c *pipConfig) findLinks(value string) string {
	var links []string
	for _, link := range strings.Fields(value) {
		host := strings.TrimPrefix(link, "file://")
		if strings.Contains(host, "://") {
			links = append(links, fmt.Sprintf("%s/links/%d", proxyAddress, len(c.upstream.Links)))
			c.upstream.Links = append(c.upstream.Links, host)
			continue
		}
		host, err := filepath.EvalSymlinks(host)
		if err != nil || !filepath.IsAbs(host) {
			c.notes = append(c.notes, link+" does not exist")
			continue
		}
		if info, err := os.Stat(host); err != nil || !info.IsDir() || info.Mode().Perm()&0o5 != 0o5 {
			c.notes = append(c.notes, link+" is not a world-readable directory")
			continue
		}
		target := path.Join("/links", strconv.Itoa(len(c.mounts)))
		c.mounts = append(c.mounts, sandbox.Mount{Host: host, Target: target})
		links = append(links, target)
	}
	return strings.Join(links, " ")
}

// identity is the part of the configuration that decides which packages are
// found; it is part of an environment's digest. Credentials are not.
func (c pipConfig) identity() string {
	var parts []string
	for k, v := range c.env {
		parts = append(parts, k+"="+v)
	}
	sort.Strings(parts)
	for _, m := range c.mounts {
		parts = append(parts, m.Target+"="+m.Host)
	}
	for _, address := range slices.Concat(c.upstream.Indexes, c.upstream.Links) {
		if u, err := url.Parse(address); err == nil {
			u.User = nil
			parts = append(parts, u.String())
		}
	}
	return strings.Join(parts, "\n")
}
