package environment

import (
	"os"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/sandbox"
	"maps"
	"slices"
)

// pipConfig is the host's configuration of pip, translated for a sandbox: the
// index, proxies, certificates and find-links that installing requires belong
// to the host, not to the repository.
type pipConfig struct {
	env    map[string]string
	files  map[string][]byte // below /in
	mounts []sandbox.Mount
	notes  []string // what could not be passed on
}

// pipKeys are the options that are passed on. Others (target, user, prefix,
// cache-dir, require-virtualenv, …) are about the host's own Python.
var pipKeys = map[string]bool{
	"index-url": true, "extra-index-url": true, "trusted-host": true, "find-links": true, "no-index": true,
	"cert": true, "client-cert": true, "proxy": true, "timeout": true, "default-timeout": true, "retries": true,
	"prefer-binary": true, "only-binary": true, "no-binary": true, "pre": true, "no-build-isolation": true,
	"use-feature": true, "use-deprecated": true, "keyring-provider": false,
}

var netKeys = []string{
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy",
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
	c := pipConfig{env: map[string]string{}, files: map[string][]byte{}}
	for _, key := range netKeys {
		if vars[key] != "" {
			c.env[key] = vars[key]
		}
	}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if pipKeys[key] {
			c.option(key, options[key])
		}
	}
	for _, key := range []string{"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"} {
		if vars[key] != "" {
			if inside := c.file(strings.ToLower(key)+".pem", vars[key]); inside != "" {
				c.env[key] = inside
			}
		}
	}
	return c
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
	case "cert", "client-cert":
		if value = c.file("pip-"+key+".pem", value); value == "" {
			return
		}
	case "find-links":
		value = c.findLinks(value)
	}
	if value != "" {
		c.env["PIP_"+strings.ToUpper(strings.ReplaceAll(key, "-", "_"))] = value
	}
}

// file copies a file of the host into the sandbox and returns its name there.
func (c *pipConfig) file(name, host string) string {
	info, err := os.Stat(host)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxCertificate {
		c.notes = append(c.notes, host+" cannot be read")
		return ""
	}
	data, err := os.ReadFile(host)
	if err != nil {
		c.notes = append(c.notes, host+" cannot be read")
		return ""
	}
	c.files["pip/"+name] = data
	return "/in/pip/" + name
}

// findLinks mounts the directories among the links. A directory that the
// sandbox's user cannot read, or a link to a single file, is skipped and noted.
func (c *pipConfig) findLinks(value string) string {
	var links []string
	for _, link := range strings.Fields(value) {
		host := strings.TrimPrefix(link, "file://")
		if strings.Contains(host, "://") {
			links = append(links, link)
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
// found; it is part of an environment's digest. Credentials are not stored:
// only a hash of this text is.
func (c pipConfig) identity() string {
	var parts []string
	for k, v := range c.env {
		parts = append(parts, k+"="+v)
	}
	sort.Strings(parts)
	for _, m := range c.mounts {
		parts = append(parts, m.Target+"="+m.Host)
	}
	return strings.Join(parts, "\n")
}
