package environment_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
)

// backend is a build backend that needs no package index: it writes a wheel of
// src/shop, with a version file that the tree lacks, as setuptools-scm does.
const backend = `
-- build/backend.py --
import os
import zipfile


def build_wheel(folder, config_settings=None, metadata_directory=None):
    version = os.environ.get("SETUPTOOLS_SCM_PRETEND_VERSION", "unknown")
    info = "shop-%s.dist-info/" % version
    files = {
        "shop/_version.py": "version = %r\n" % version,
        info + "METADATA": "Metadata-Version: 2.1\nName: shop\nVersion: %s\nProvides-Extra: test\nRequires-Dist: not-there ; extra == 'test'\n" % version,
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "entry_points.txt": "[pytest11]\nshop = shop.cart\n\n[shop.plugins]\nhalf = shop.cart:half\n",
    }
    for name in os.listdir("src/shop"):
        with open("src/shop/" + name) as f:
            files["shop/" + name] = f.read()
    files[info + "RECORD"] = "".join("%s,,\n" % name for name in files) + info + "RECORD,,\n"
    name = "shop-%s-py3-none-any.whl" % version
    with zipfile.ZipFile(os.path.join(folder, name), "w") as z:
        for path, text in files.items():
            z.writestr(path, text)
    return name
-- src/shop/__init__.py --
from shop._version import version
-- src/shop/cart.py --
def half(x):
    return 1 / x
`

const scm = `
-- pyproject.toml --
[build-system]
requires = []
build-backend = "backend"
backend-path = ["build"]

[project]
name = "shop"
dynamic = ["version"]

[project.optional-dependencies]
test = ["not-there"]

[project.entry-points."shop.plugins"]
half = "shop.cart:half"

[project.entry-points.pytest11]
shop = "shop.cart"

[tool.setuptools_scm]
write_to = "src/shop/_version.py"
` + backend

func TestTheProjectItselfIsInstalledAndItsFilesAreTheTrees(t *testing.T) {
	t.Parallel()
	setupCfg := `
-- setup.cfg --
[metadata]
name = shop
version = 1.5
[options]
package_dir = =src
packages = find:
[options.packages.find]
where = src
[options.entry_points]
shop.plugins = half = shop.cart:half
-- src/shop/__init__.py --
version = "1.5"
-- src/shop/cart.py --
def half(x):
    return 1 / x
`
	for _, c := range []struct {
		name, files string
		modules     map[string]string
		version     string
		said        []string
	}{
		{"a version from version control is production's", scm, map[string]string{"shop": "2.7.1"}, "2.7.1", []string{"extra test could not be installed"}},
		{"a version from version control that nothing tells is a small one", scm, nil, "0.0.1", nil},
		{"setup.cfg without a setup.py or a package index", setupCfg, nil, "1.5", nil},
		{"a build that fails leaves what is declared", strings.Replace(strings.Replace(scm, "import zipfile", "import zip_file", 1), "from shop._version import version", "version = '2.7.1'", 1),
			map[string]string{"shop": "2.7.1"}, "2.7.1", []string{"the project itself could not be built"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sandbox := sandboxtest.Any(t)
			cache, err := store.Open(t.TempDir(), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			lang := python.New(sandbox, python.Host{Store: cache, Bases: sandboxtest.Bases(t), Environ: []string{"PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1"}})
			tree, said := sandboxtest.Tree(t, c.files), []string{}
			env, release, err := lang.EnsureEnvironment(t.Context(), language.EnvironmentRequest{
				Run: "test", Tree: tree, Environment: incident.Environment{Python: "3.11.2", Modules: c.modules}, Progress: func(s string) { said = append(said, s) },
			})
			if err != nil {
				t.Fatalf("%v, said %q", err, said)
			}
			defer release()
			for _, want := range c.said {
				if !strings.Contains(strings.Join(said, "\n"), want) {
					t.Errorf("said %q, want %q", said, want)
				}
			}
			if diff := cmp.Diff([]string{"src", "."}, env.Roots); diff != "" {
				t.Errorf("source roots: %s", diff)
			}
			test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: `
from importlib.metadata import entry_points, version

import shop
import shop.cart


def test_x():
    assert version("shop") == shop.version
    assert [e.load() for e in entry_points(group="shop.plugins")] == [shop.cart.half]
    assert "shop" not in [e.name for e in entry_points(group="pytest11")]
    raise ValueError(shop.version, shop.__file__, shop.cart.__file__)
`}
			res, err := lang.Run(t.Context(), testrun.Request{Run: "test", Env: env, Tree: tree, Test: &test})
			if err != nil || len(res.Tests) != 1 {
				t.Fatalf("got %+v, %v", res, err)
			}
			want := "('" + c.version + "', '/work/src/shop/__init__.py', '/work/src/shop/cart.py')"
			if got := res.Tests[0]; got.Type != "ValueError" || got.Message != want {
				t.Errorf("got %s: %s, want %s", got.Type, got.Message, want)
			}
			if _, err := os.Stat(tree + "/src/shop/_version.py"); err == nil {
				t.Error("the tree was changed")
			}
		})
	}
}
