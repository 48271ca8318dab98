package environment

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// read is what a test compares of a manifest.
type summary struct {
	Project  string // name and version; "" nothing is installed from the tree
	Python   string
	Requires []string // of the project
	Extras   []string
	Required []string
	Order    []string
	Groups   []group
	Pins     map[string]string
}

func summarise(m *manifest) summary {
	s := summary{Python: m.python, Required: m.required, Order: m.order, Groups: m.groups, Pins: m.pins}
	if p := m.project; p != nil {
		s.Project, s.Requires, s.Extras = p.Name+" "+p.Version, p.Requires, p.Extras
	}
	if len(s.Pins) == 0 {
		s.Pins = nil
	}
	return s
}

func TestWhatAProjectNeedsIsReadFromItsOwnConfiguration(t *testing.T) {
	t.Parallel()
	lines := func(name string, lines ...string) group { return group{Name: name, Lines: lines} }
	files := func(name string, files ...string) group { return group{Name: name, Files: files} }
	for _, c := range []struct {
		name, files string
		setup       language.Setup
		want        summary
	}{
		{name: "a tree without configuration needs nothing", files: "-- a.py --\n"},
		{name: "a pyproject.toml that only configures tools is not a package", files: "-- pyproject.toml --\n[tool.black]\nline-length = 100\n"},
		{name: "requirements.txt", files: "-- requirements.txt --\nflask\n", want: summary{Order: []string{"requirements.txt"}}},
		{name: "requirements of tests are a group",
			files: "-- requirements/base.txt --\nflask\n-- requirements/test.txt --\n-r base.txt\npytest-mock\n-- requirements-dev.txt --\nruff\n",
			want:  summary{Order: []string{"requirements/base.txt"}, Groups: []group{files("requirements-dev.txt", "requirements-dev.txt"), files("requirements/test.txt", "requirements/test.txt")}}},
		{name: "requirements of tests that include a missing file are left out", files: "-- requirements-dev.txt --\n-r gone.txt\n"},
		{name: "configured files stand in place of all that would be found", setup: language.Setup{Requirements: []string{"deps/b.txt"}},
			files: "-- requirements.txt --\nflask\n-- deps/b.txt --\nx\n-- tox.ini --\n[testenv]\ndeps = pytest-mock\n",
			want:  summary{Order: []string{"deps/b.txt"}}},
		{name: "PEP 621, with an extra for tests and the lock file of uv",
			files: "-- pyproject.toml --\n[project]\nname = \"shop\"\nversion = \"1.2\"\nrequires-python = \">=3.9\"\ndependencies = [\"flask>=2\", \"x ; python_version < '3.9'\"]\n[project.optional-dependencies]\ntest = [\"mock\"]\nredis = [\"redis\"]\n" +
				"-- uv.lock --\n[[package]]\nname = \"Flask\"\nversion = \"2.2.5\"\n[[package]]\nname = \"two\"\nversion = \"1\"\n[[package]]\nname = \"two\"\nversion = \"2\"\n[[package]]\nname = \"shop\"\nversion = \"1.2\"\nsource = { editable = \".\" }\n",
			want: summary{Project: "shop 1.2", Python: ">=3.9", Requires: []string{"flask>=2", "x ; python_version < '3.9'"}, Extras: []string{"test"}, Pins: map[string]string{"flask": "2.2.5"}}},
		{name: "dependency groups with included ones",
			files: "-- pyproject.toml --\n[project]\nname = \"shop\"\n[dependency-groups]\ntest = [\"mock\", {include-group = \"types\"}]\ntypes = [\"types-requests\"]\ndocs = [\"sphinx\"]\n",
			want:  summary{Project: "shop ", Groups: []group{lines("pyproject.toml (group test)", "mock", "types-requests")}}},
		{name: "Poetry, with groups and lock file",
			files: "-- pyproject.toml --\n[tool.poetry]\nname = \"shop\"\nversion = \"0.3.1\"\n[tool.poetry.dependencies]\npython = \"^3.9\"\nflask = \"^2.0\"\nboto = {version = \"1.2\", extras = [\"s3\"]}\nlocal = {path = \"../x\"}\nopt = {version = \"1\", optional = true}\n" +
				"[tool.poetry.dev-dependencies]\nold = \"*\"\n[tool.poetry.group.test.dependencies]\nmock = \"~4.1\"\n-- poetry.lock --\n[[package]]\nname = \"flask\"\nversion = \"2.2.5\"\n",
			want: summary{Project: "shop 0.3.1", Python: "^3.9", Requires: []string{"boto[s3]==1.2", "flask>=2.0,<3"}, Pins: map[string]string{"flask": "2.2.5"},
				Groups: []group{lines("pyproject.toml (Poetry's dev-dependencies)", "old"), lines("pyproject.toml (Poetry's group test)", "mock>=4.1,<4.2")}}},
		{name: "Poetry without a package",
			files: "-- pyproject.toml --\n[tool.poetry]\nname = \"shop\"\npackage-mode = false\n[tool.poetry.dependencies]\nflask = \"2.0\"\n",
			want:  summary{Required: []string{"flask==2.0"}}},
		{name: "PDM", files: "-- pyproject.toml --\n[project]\nname = \"shop\"\n[tool.pdm.dev-dependencies]\ntest = [\"mock\"]\nlint = [\"ruff\"]\n-- pdm.lock --\n[[package]]\nname = \"mock\"\nversion = \"4.0\"\n",
			want: summary{Project: "shop ", Groups: []group{lines("pyproject.toml (PDM's test)", "mock")}, Pins: map[string]string{"mock": "4.0"}}},
		{name: "uv and Hatch", files: "-- pyproject.toml --\n[build-system]\nrequires = [\"hatchling\"]\n[project]\nname = \"shop\"\n[tool.uv]\ndev-dependencies = [\"mock\"]\n[tool.hatch.envs.default]\nfeatures = [\"redis\"]\n[tool.hatch.envs.hatch-test]\nextra-dependencies = [\"faker\"]\n[tool.hatch.envs.docs]\ndependencies = [\"sphinx\"]\n",
			want: summary{Project: "shop ", Extras: []string{"redis"}, Groups: []group{lines("pyproject.toml (uv's dev-dependencies)", "mock"), lines("pyproject.toml (Hatch's environment hatch-test)", "faker")}}},
		{name: "Flit's old table", files: "-- pyproject.toml --\n[build-system]\nrequires = [\"flit\"]\n[tool.flit.metadata]\nmodule = \"shop\"\nrequires = [\"flask\"]\nrequires-python = \">=3.6\"\n[tool.flit.metadata.requires-extra]\ntest = [\"mock\"]\n",
			want: summary{Project: "shop ", Python: ">=3.6", Requires: []string{"flask"}, Extras: []string{"test"}}},
		{name: "setup.cfg", files: "-- setup.cfg --\n[metadata]\nname = shop\nversion = attr: shop.__version__\n[options]\npython_requires = >=3.7\ninstall_requires =\n    flask>=2 # web\n    x; python_version < \"3.9\"\n[options.extras_require]\ntesting =\n    mock\ndocs = sphinx\n",
			want: summary{Project: "shop ", Python: ">=3.7", Requires: []string{"flask>=2 # web", "x; python_version < \"3.9\""}, Extras: []string{"testing"}}},
		{name: "setup.py says its name, and the rest when it runs", files: "-- setup.py --\nfrom setuptools import setup\nsetup(name='shop', version=version(), python_requires=\">=3.8\", install_requires=read())\n",
			want: summary{Project: "shop ", Python: ">=3.8"}},
		{name: "tox, without what only some of its environments have",
			files: "-- setup.py --\nsetup(name='shop')\n-- tox.ini --\n[testenv]\nextras = redis, http\ndeps =\n    mock\n    django42: django~=4.2\n    .[all]\n    -r{toxinidir}/deps.txt\n    -e{toxinidir}/other\n[testenv:docs]\ndeps = sphinx\n-- deps.txt --\nfaker\n",
			want:  summary{Project: "shop ", Extras: []string{"redis", "http", "all"}, Groups: []group{{Name: "tox.ini", Lines: []string{"mock"}, Files: []string{"deps.txt"}}}}},
		{name: "nox", files: "-- setup.py --\nsetup(name='shop')\n-- noxfile.py --\nimport nox\n\n@nox.session(python=[\"3.9\"])\ndef tests(session):\n    session.install(\"-r\", \"deps.txt\")\n    session.install(\"mock\", '.[all]')\n    session.run(\"pytest\")\n\n@nox.session\ndef docs(session):\n    session.install(\"sphinx\")\n-- deps.txt --\nfaker\n",
			want: summary{Project: "shop ", Extras: []string{"all"}, Groups: []group{{Name: "noxfile.py", Lines: []string{"mock"}, Files: []string{"deps.txt"}}}}},
		{name: "Pipfile.lock", files: "-- Pipfile.lock --\n{\"_meta\": {\"requires\": {\"python_version\": \"3.8\"}}, \"default\": {\"flask\": {\"version\": \"==2.2.5\", \"markers\": \"python_version >= '3.7'\"}, \"own\": {\"path\": \".\"}}, \"develop\": {\"mock\": {\"version\": \"==4.0\"}}}\n",
			want: summary{Python: "==3.8.*", Required: []string{"flask==2.2.5 ; python_version >= '3.7'"}, Groups: []group{lines("Pipfile.lock (develop)", "mock==4.0")}}},
		{name: "Pipfile", files: "-- Pipfile --\n[packages]\nflask = \"*\"\n[dev-packages]\nmock = {version = \">=4\", markers = \"python_version > '3'\"}\n",
			want: summary{Required: []string{"flask"}, Groups: []group{lines("Pipfile (dev-packages)", "mock>=4 ; python_version > '3'")}}},
		{name: "the pip part of conda's environment", files: "-- environment.yml --\nname: shop\ndependencies:\n  - python=3.9\n  - numpy\n  - pip:\n      - flask==2.0\n",
			want: summary{Required: []string{"flask==2.0"}}},
		{name: "lines that install the tree itself name its extras", files: "-- setup.py --\nsetup(name='shop')\n-- requirements-dev.txt --\n-e .[test,Async_IO]\nmock\n",
			want: summary{Project: "shop ", Extras: []string{"test", "async-io"}, Groups: []group{files("requirements-dev.txt", "requirements-dev.txt")}}},
		{name: "an option among a group's lines is not a requirement", files: "-- pyproject.toml --\n[project]\nname = \"shop\"\n[dependency-groups]\ndev = [\"--index-url=https://evil.example\", \"mock\", \"./wheel.whl\", \"../x\"]\n",
			want: summary{Project: "shop ", Groups: []group{lines("pyproject.toml (group dev)", "mock")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root, err := os.OpenRoot(sandboxtest.Tree(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			m, err := readManifest(root, c.setup)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, summarise(m)); diff != "" {
				t.Error(diff)
			}
			if nothing := cmp.Equal(c.want, summary{}); m.empty() != nothing {
				t.Errorf("empty: got %v", m.empty())
			}
		})
	}
}

func TestAConfigurationThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, files string
		setup       language.Setup
	}{
		{"pyproject.toml that is not TOML", "-- pyproject.toml --\n[project\n", language.Setup{}},
		{"a dependency that is an option", "-- pyproject.toml --\n[project]\nname = \"x\"\ndependencies = [\"--index-url=https://evil.example\"]\n", language.Setup{}},
		{"a dependency of two lines", "-- pyproject.toml --\n[project]\nname = \"x\"\ndependencies = [\"\"\"x\n--index-url=https://evil.example\"\"\"]\n", language.Setup{}},
		{"a configured file that is missing", "-- a.py --\n", language.Setup{Requirements: []string{"gone.txt"}}},
	} {
		root, err := os.OpenRoot(sandboxtest.Tree(t, c.files))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if _, err := readManifest(root, c.setup); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}
