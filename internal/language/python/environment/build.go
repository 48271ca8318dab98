package environment

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/index"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
)

//go:embed inside/*.py
var inside embed.FS

// A plan is what inside/build.py does. With the image and the package index it
// decides what an environment contains.
type plan struct {
	Project  *packaged         `json:"project"`
	Required []string          `json:"required"` // requirement lines, and -r of files below /in
	Hashed   []string          `json:"hashed"`   // requirements files that pin hashes
	Groups   []arguments       `json:"groups"`
	Pins     map[string]string `json:"pins"`
	Before   string            `json:"before"` // resolve as of this time; "" today
}

type arguments struct {
	Name      string   `json:"name"`
	Arguments []string `json:"arguments"`
}

// packaged is a project as it is built.
type packaged struct {
	*project
	Tree      string              `json:"tree"`
	Optional  map[string][]string `json:"optional"` // extra → requirement lines
	Variables map[string]string   `json:"variables"`
	Sources   string              `json:"sources"` // digest of the files that building it reads
}

// planOf decides on versions: a lock file's, then those that production ran, then
// those of the commit's time.
func planOf(root *os.Root, m *manifest, req language.EnvironmentRequest) (*plan, error) {
	p := &plan{Required: slices.Clone(m.required), Pins: map[string]string{}}
	if p.Required == nil {
		p.Required = []string{}
	}
	for _, name := range m.order {
		if file := "/in/req/" + name; strings.Contains(string(m.files[name]), "--hash=") {
			p.Hashed = append(p.Hashed, file)
		} else {
			p.Required = append(p.Required, "-r"+file)
		}
	}
	for _, g := range m.groups {
		args := slices.Clone(g.Lines)
		for _, name := range g.Files {
			args = append(args, "-r/in/req/"+name)
		}
		p.Groups = append(p.Groups, arguments{g.Name, args})
	}
	for name, version := range req.Environment.Modules {
		// The interpreter's own tools are not the application's.
		if n := normal(name); distribution.MatchString(name) && exactVersion.MatchString(version) && n != "pip" && n != "wheel" {
			p.Pins[n] = strings.TrimPrefix(version, "==")
		}
	}
	if len(p.Pins) == 0 && !req.Committed.IsZero() {
		p.Before = req.Committed.UTC().Format(time.RFC3339)
	}
	maps.Copy(p.Pins, m.pins)
	if names := undeclared(root, req.Environment.Modules); len(names) > 0 {
		p.Groups = append([]arguments{{"what production has and the code imports", names}}, p.Groups...)
		m.saw("the event's modules")
	}
	if m.project != nil {
		if err := p.pack(root, m.project, req); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// noVersion is the version of a project that takes its own from version control,
// where nothing tells it.
const noVersion = "0.0.1"

// pack adds the project.
func (p *plan) pack(root *os.Root, own *project, req language.EnvironmentRequest) error {
	name := normal(own.Name)
	version := cmp.Or(own.Version, p.Pins[name], releaseVersion(req.Release), own.Fallback, noVersion)
	delete(p.Pins, name)
	copied := *own
	copied.Version = version
	made := &packaged{project: &copied, Tree: testrun.Root, Optional: map[string][]string{}, Variables: map[string]string{}}
	for extra, lines := range own.Optional {
		made.Optional[extra] = listOf(lines, "\x00")
	}
	if own.SCM {
		// Each tool has its own name for this: the tree has no version control.
		for _, variable := range []string{
			"SETUPTOOLS_SCM_PRETEND_VERSION", "PDM_BUILD_SCM_VERSION", "PBR_VERSION", "POETRY_DYNAMIC_VERSIONING_BYPASS", "VCS_VERSIONING_PRETEND_VERSION",
		} {
			made.Variables[variable] = version
		}
	}
	var err error
	made.Sources, err = sourcesDigest(root)
	p.Project = made
	return err
}

// releaseVersion is the version in a release such as shop@1.2.3.
func releaseVersion(release string) string {
	_, after, found := strings.Cut(release, "@")
	if !found {
		after = release
	}
	if after = strings.TrimPrefix(after, "v"); exactVersion.MatchString(after) && strings.Contains(after, ".") {
		return after
	}
	return ""
}

// Files whose content decides what building a package makes of a tree, beside
// the names of all of its modules: the build's configuration and programs, what
// is compiled, and where versions stand. The other files are imported from the
// tree, so that commits which differ in them share an environment.
var (
	buildFiles      = []string{"pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "hatch_build.py", "build.py", "CMakeLists.txt", "meson.build", "Cargo.toml", "Cargo.lock", "VERSION", "VERSION.txt"}
	versionFiles    = []string{"__init__.py", "__about__.py", "__version__.py", "_version.py", "version.py", "about.py"}
	compiledSources = []string{".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".pyx", ".pxd", ".pxi", ".rs", ".f", ".f90", ".go"}
)

// Limits on what sourcesDigest reads.
const (
	maxSources     = 100_000
	maxSourceBytes = 64 << 20
)

func sourcesDigest(root *os.Root) (string, error) {
	h, files, left := sha256.New(), 0, int64(maxSourceBytes)
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base, depth := path.Base(name), strings.Count(name, "/")
		switch {
		case d.IsDir() && (base == ".git" || base == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		if files++; files > maxSources || left <= 0 {
			return fs.SkipAll
		}
		if !slices.Contains(buildFiles, base) && !slices.Contains(compiledSources, path.Ext(base)) && (depth > 2 || !slices.Contains(versionFiles, base)) {
			return nil
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(h, "%d:%s\n", len(name), name)
		n, err := io.Copy(h, io.LimitReader(f, left))
		left -= n
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// install builds into dir, which is empty.
func (b *Builder) install(ctx context.Context, req language.EnvironmentRequest, image, dir string, m *manifest, p *plan, pip pipConfig) error {
	if err := sandbox.PrepareWritable(dir); err != nil {
		return err
	}
	files := map[string][]byte{}
	for name, data := range m.files {
		files["req/"+name] = data
	}
	var err error
	for _, name := range []string{"build.py", "relay.py"} {
		if files[name], err = inside.ReadFile("inside/" + name); err != nil {
			return err
		}
	}
	if files["build.json"], err = json.Marshal(p); err != nil {
		return err
	}
	mounts := []sandbox.Mount{{Host: dir, Target: "/env", Writable: true}}
	if p.Project != nil {
		mounts = append(mounts, sandbox.Mount{Host: req.Tree, Target: testrun.Root})
	}
	proxy, err := b.openIndex(ctx, req.Run, image, pip)
	if err != nil {
		return err
	}
	defer proxy.Close()
	mounts = append(mounts, sandbox.Mount{Host: proxy.Dir, Target: "/index"})
	res, err := b.Backend.Run(ctx, sandbox.Spec{
		Run: req.Run, Image: image, Argv: []string{"python3", "-I", "-B", "/in/build.py", "/in/build.json"}, Env: pip.env, Dir: "/tmp", Build: true,
		Mounts: append(mounts, pip.mounts...), Files: files, Limits: buildLimits,
	})
	if err != nil {
		return err
	}
	if res.Cause == sandbox.Exited && res.Exit == 0 {
		return nil
	}
	log := string(res.Stdout) + string(res.Stderr)
	stop := &fault.Stop{
		Type: fault.NeedsEnvironment, Log: DecisiveLines(log, 30),
		Detail: fmt.Sprintf("Installing %s failed (%s, exit code %d).", strings.Join(m.found, ", "), res.Cause, res.Exit),
		Help:   "Make the packages available to pip on this host (index, certificates, find-links), configure an image that contains them, or configure other requirements files.",
	}
	if packages := systemPackages(log); packages != "" {
		stop.Help = withPackage("Building a package from source needs system packages", packages)
	}
	if len(pip.notes) > 0 {
		stop.Help += " Of the host's pip configuration, " + strings.Join(pip.notes, "; ") + "."
	}
	return stop
}

// openIndex opens the proxy through which one build reaches the package index.
func (b *Builder) openIndex(ctx context.Context, run, image string, pip pipConfig) (*index.Proxy, error) {
	o := pip.upstream
	if pip.implicit {
		own, err := b.defaultIndex(ctx, run, image)
		if err != nil {
			return nil, err
		}
		o.Indexes = append([]string{own}, o.Indexes...)
	}
	return index.Open(o)
}

// defaultIndex is the index of the image's pip where none is configured. Nothing
// of the repository runs.
func (b *Builder) defaultIndex(ctx context.Context, run, image string) (string, error) {
	source, err := inside.ReadFile("inside/default_index.py")
	if err != nil {
		return "", err
	}
	res, err := b.Backend.Run(ctx, sandbox.Spec{
		Run: run, Image: image, Argv: []string{"python3", "-I", "-B", "/in/default_index.py"}, Dir: "/tmp", Files: map[string][]byte{"default_index.py": source},
	})
	if err != nil {
		return "", err
	}
	if res.Cause != sandbox.Exited || res.Exit != 0 {
		return "", &fault.Stop{
			Type: fault.NeedsEnvironment, Detail: "The image's Python has no pip to install dependencies with.", Log: DecisiveLines(string(res.Stderr), 10),
			Help: "Use a base system that deploy/setup.sh builds, or an image with pip, or configure pip's index-url on this host.",
		}
	}
	return strings.TrimSpace(string(res.Stdout)), nil
}

// A report is what inside/build.py did. The code that it built can have written
// it too.
type report struct {
	Roots []string `json:"roots"` // source roots of the project, relative to the tree
	Notes []string `json:"notes"` // what could not be installed, or not as pinned
}

const maxReport = 1 << 20

// readReport reads the report of an environment; what is not in order is left
// out.
func readReport(dir string) (r report) {
	f, err := os.OpenFile(filepath.Join(dir, "repaird.json"), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return r
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return r
	}
	if json.NewDecoder(io.LimitReader(f, maxReport)).Decode(&r) != nil {
		return report{}
	}
	r.Roots = slices.DeleteFunc(r.Roots[:min(len(r.Roots), 8)], func(root string) bool {
		return !filepath.IsLocal(root) || path.Clean(root) != root
	})
	r.Notes = r.Notes[:min(len(r.Notes), 50)]
	for i, note := range r.Notes {
		r.Notes[i] = text.Line(note, 300)
	}
	return r
}
