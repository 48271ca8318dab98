package environment

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Limits on what is read of a tree for its imports.
const (
	maxImporting = 5_000
	maxSource    = 1 << 20
)

var (
	imported = regexp.MustCompile(`(?m)^[ \t]*(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([A-Za-z_][\w., \t]*))`)
	aside    = map[string]bool{"test": true, "tests": true, "testing": true, "docs": true, "doc": true, "examples": true, "example": true, "benchmarks": true, "node_modules": true, ".git": true}
	// Distributions whose modules have other names.
	distributions = map[string]string{
		"PIL": "pillow", "attr": "attrs", "bs4": "beautifulsoup4", "crypto": "pycryptodome", "cv2": "opencv-python", "dateutil": "python-dateutil",
		"dns": "dnspython", "docx": "python-docx", "dotenv": "python-dotenv", "git": "gitpython", "google": "protobuf", "grpc": "grpcio",
		"jose": "python-jose", "jwt": "pyjwt", "kafka": "kafka-python", "ldap": "python-ldap", "magic": "python-magic", "mysqldb": "mysqlclient",
		"nacl": "pynacl", "openssl": "pyopenssl", "psycopg2": "psycopg2-binary", "pkg_resources": "setuptools", "rest_framework": "djangorestframework",
		"serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn", "slugify": "python-slugify", "socks": "pysocks",
		"usb": "pyusb", "yaml": "pyyaml", "zmq": "pyzmq",
	}
)

// undeclared are the packages of production that the tree's own code imports, by
// their names in modules: a repository may leave it to who deploys it to install
// them. What is declared besides is only named twice.
func undeclared(root *os.Root, modules map[string]string) []string {
	if len(modules) == 0 {
		return nil
	}
	ran := map[string]string{} // normalised name → as reported
	for name := range modules {
		ran[normal(name)] = name
	}
	found, files := map[string]bool{}, 0
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be read imports nothing
		case d.IsDir() && (aside[base] || name != "." && strings.HasPrefix(base, ".")):
			return fs.SkipDir
		case !d.Type().IsRegular() || path.Ext(base) != ".py" || strings.HasPrefix(base, "test_") || base == "conftest.py" || base == "setup.py" || base == "noxfile.py":
			return nil
		}
		if files++; files > maxImporting {
			return fs.SkipAll
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxSource {
			return nil //nolint:nilerr // likewise
		}
		data, err := root.ReadFile(name)
		if err != nil {
			return nil //nolint:nilerr // likewise
		}
		for _, m := range imported.FindAllSubmatch(data, -1) {
			for _, part := range bytes.Split(append(m[1], m[2]...), []byte(",")) {
				top, _, _ := strings.Cut(strings.TrimSpace(string(part)), ".")
				top, _, _ = strings.Cut(top, " ")
				found[top] = true
			}
		}
		return nil
	})
	var names []string
	for top := range found {
		for _, dist := range []string{normal(top), distributions[top], distributions[strings.ToLower(top)]} {
			if _, ok := ran[dist]; ok && dist != "pip" && dist != "setuptools" && !slices.Contains(names, dist) {
				names = append(names, dist)
			}
		}
	}
	slices.Sort(names)
	return names
}
