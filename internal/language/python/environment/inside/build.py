"""Builds /env: a virtual environment with what a tree's code and tests need.

    python3 build.py build.json

The tree's own package is built as its developers build it, and installed for
its metadata, its entry points and the files that only building it makes (a
version file, a compiled extension). The files that are in the tree as well are
removed again: they are imported from the tree, which may be a patched one.

What is required must be installed. What tests need is installed with it if that
is possible, else group by group as far as it goes. Pins hold as long as they
can be satisfied; those that cannot are named and dropped.

What became of all this is in /env/repaird.json. The interpreter may be any from
3.6 on.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import zipfile

ENV = "/env"
PYTHON = ENV + "/bin/python"
SOURCE = "/tmp/source"
WHEELS = "/tmp/wheels"
REPORT = ENV + "/repaird.json"
TRIES = 12  # of one installation, each with fewer pins
PATIENCE = 120  # seconds of one try to install what is optional: a resolver that finds no solution can take hours to say so

GENERATED = '''"""Finds what building the project made: its other files are in the tree."""

import os
import sys
from importlib.machinery import PathFinder

SITE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = frozenset(%r)


class Generated:
    @staticmethod
    def find_spec(name, path=None, target=None):
        parts = name.split(".")
        if path is None or parts[0] not in PACKAGES:
            return None
        return PathFinder.find_spec(name, [os.path.join(SITE, *parts[:-1])])

    @staticmethod
    def invalidate_caches():
        pass


sys.meta_path.append(Generated)
'''


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Failed(Exception):
    """An installation that failed; the log is its text."""


class Builder:
    def __init__(self, plan):
        self.plan = plan
        self.pins = {normal(k): v for k, v in plan["pins"].items()}
        self.kept = set()  # names of pins that are not dropped
        self.report = {"roots": [], "notes": [], "python": "%d.%d.%d" % sys.version_info[:3]}
        self.options = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off"]

    def note(self, text):
        print("repaird: " + text, flush=True)
        self.report["notes"].append(text)

    def run(self, *command, **more):
        """Runs a command, for at most limit seconds, and returns its output, which is
        part of the log."""
        limit = more.pop("limit", None)
        p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/tmp", start_new_session=True, **more)
        timer = threading.Timer(limit or 0, os.killpg, (p.pid, signal.SIGKILL))
        if limit:
            timer.start()
        lines = []
        for line in iter(p.stdout.readline, b""):
            line = line.decode("utf-8", "replace")
            lines.append(line)
            sys.stdout.write(line)
        sys.stdout.flush()
        status = p.wait()
        if limit and not timer.is_alive():
            lines.append("ERROR: no solution was found within %d seconds\n" % limit)
        timer.cancel()
        if status:
            raise Failed("".join(lines))
        return "".join(lines)

    def pip(self, verb, *arguments, **more):
        return self.run(PYTHON, "-m", "pip", verb, *(self.options + list(arguments)), **more)

    def build(self):
        self.run(sys.executable, "-m", "venv", "--system-site-packages", ENV)
        self.newer_pip()
        for name in self.plan["hashed"]:  # pip wants a hash of all or of none
            self.pip("install", "-r", name)
        required = list(self.plan["required"])
        project = Project(self) if self.plan["project"] else None
        groups = [(g["name"], g["arguments"]) for g in self.plan["groups"]]
        if project:
            required += project.requires()
            groups = project.groups() + [(n, project.unfold(a)) for n, a in groups]
        self.install_all(required, groups)
        if project:
            project.finish()
        try:
            self.run(PYTHON, "-c", "import pytest")
        except Failed:
            self.pip("install", "pytest")

    def newer_pip(self):
        """Gets a pip that can resolve as of a date, where one is asked for."""
        if not self.plan["before"]:
            return
        try:
            self.pip("install", "--upgrade", "pip")
            if "--uploaded-prior-to" in self.run(PYTHON, "-m", "pip", "install", "--help"):
                self.options.append("--uploaded-prior-to=" + self.plan["before"])
                return
        except Failed:
            pass
        self.note("versions that nothing pins are today's: pip for this Python cannot resolve as of a date")

    def install_all(self, required, groups):
        """Installs all at once, which gives the resolver all it has to know; else
        what is required, and then as much of the rest as agrees with it."""
        extra = [a for _, arguments in groups for a in arguments]
        if extra and not self.contradicted(extra):
            try:
                return self.install(required + extra, relax=False, limit=PATIENCE)
            except Failed:
                print("repaird: installing what is required, then the groups", flush=True)
        if required:
            self.install(required)
        if not extra:
            return
        self.keep()
        try:
            return self.install(extra, limit=PATIENCE)
        except Failed:
            print("repaird: installing group by group", flush=True)
        for name, arguments in groups:
            try:
                self.install(arguments, limit=PATIENCE)
            except Failed as e:
                self.note("%s could not be installed: %s" % (name, cause(str(e))))

    def keep(self):
        """Pins what is installed: no group changes it."""
        for line in self.run(PYTHON, "-m", "pip", "list", "--local", "--format=freeze").splitlines():
            m = re.match(r"([\w.-]+)==(\S+)$", line)
            if m and normal(m.group(1)) not in ("pip", "setuptools"):
                self.pins[normal(m.group(1))] = m.group(2)
                self.kept.add(normal(m.group(1)))

    def install(self, arguments, relax=True, limit=None):
        """Installs; without the pins that cannot be satisfied, if relax. A try takes
        at most limit seconds."""
        requirements = [a for a in arguments if not a.startswith("-")]
        files = [a for a in arguments if a.startswith("-")]  # -r/in/req/…
        if relax:
            for name, version in self.contradicted(arguments):
                self.note("the pin %s==%s was dropped: what is installed asks for %s" % (name, self.pins.pop(name), version))
        for _ in range(TRIES):
            with open("/tmp/requirements.txt", "w") as f:
                f.write("\n".join(requirements) + "\n")
            with open("/tmp/constraints.txt", "w") as f:
                f.writelines("%s==%s\n" % pin for pin in sorted(self.pins.items()))
            try:
                return self.pip("install", "-c", "/tmp/constraints.txt", "-r", "/tmp/requirements.txt", *files, limit=limit)
            except Failed as e:
                if not relax:
                    raise
                self.relax(str(e))
        raise Failed("the pins cannot be satisfied")

    def contradicted(self, arguments):
        """The pins that may be dropped and that exact versions among the
        requirements contradict, with these versions."""
        lines = []
        for argument in arguments:
            if not argument.startswith("-r"):
                lines.append(argument)
            elif os.path.exists(argument[2:]):
                with open(argument[2:], errors="replace") as f:
                    lines += f.read().splitlines()
        found = {}
        for line in lines:
            m = re.match(r"\s*([\w.-]+)\s*(?:\[[^]]*\])?\s*==\s*([\w.!+]+)\s*(?:[;#\\].*)?$", line)
            if m and self.pins.get(normal(m.group(1)), m.group(2)) != m.group(2) and normal(m.group(1)) not in self.kept:
                found[normal(m.group(1))] = m.group(2)
        return sorted(found.items())

    def relax(self, log):
        """Drops the pins that a failed installation names, else the date."""
        names = self.guilty(log)
        for name in names:
            self.note("the pin %s==%s was dropped: %s" % (name, self.pins.pop(name), cause(log)))
        dated = [o for o in self.options if o.startswith("--uploaded-prior-to")]
        if names:
            return
        if not dated:
            raise Failed(log)
        self.options.remove(dated[0])
        self.note("versions that nothing pins are today's: those of the commit's time could not be installed: " + cause(log))

    def guilty(self, log):
        """The pins that a failed installation names, or all if it only says that
        there is a conflict."""
        names = set()
        for pattern in (r"user requested \(constraint\) ([\w.-]+)", r"No matching distribution found for ([\w.-]+)",
                        r"satisfies the requirement ([\w.-]+)", r"Failed building wheel for ([\w.-]+)",
                        r"ailed to build '?([\w.-]+)'?", r"installable wheels for some pyproject.toml based projects \(([\w.-]+)"):
            names.update(normal(n) for n in re.findall(pattern, log))
        if not names & set(self.pins) and re.search(r"metadata-generation-failed|subprocess-exited-with-error", log):
            names.update(normal(n) for n in re.findall(r"Collecting ([\w.-]+)", log)[-1:])
        loose = set(self.pins) - self.kept
        if not names & loose and "ResolutionImpossible" in log:
            return sorted(loose)
        return sorted(names & loose)


def cause(log):
    """The line of a log that says why it ended."""
    lines = [l.strip() for l in log.splitlines() if re.match(r"\s*(ERROR|error|fatal|E:|\w*Error)\b", l)]
    lines = [l for l in lines if "subprocess-exited" not in l and "See above" not in l] or lines
    return (lines[0] if lines else "the installation failed")[:300]


class Project:
    """The tree's own package."""

    def __init__(self, builder):
        self.builder, self.plan = builder, builder.plan["project"]
        self.wheel, self.metadata = None, []
        shutil.copytree(self.plan["tree"], SOURCE, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        for folder, _, _ in os.walk(SOURCE):  # the tree is read-only
            os.chmod(folder, 0o755)
        self.make()
        if self.wheel:
            self.read()
        self.extras = [e for e in self.plan["extras"] if e in self.optional]

    def make(self):
        """Builds the package, with its declared build requirements, else with those
        that the environment has."""
        env = dict(os.environ, **self.plan["variables"])
        last = None
        for isolation in ([], ["--no-build-isolation"]):
            command = ["wheel", "--no-deps", "--ignore-requires-python", "-w", WHEELS] + isolation + [SOURCE]
            try:
                self.builder.pip(*command, env=env)
            except Failed as e:
                last = last or e
                continue
            self.wheel = next((os.path.join(WHEELS, n) for n in os.listdir(WHEELS) if n.endswith(".whl")), None)
            if self.wheel:
                return
        self.builder.note("the project itself could not be built (%s): its declared dependencies are installed instead" % cause(str(last)))

    def read(self):
        with zipfile.ZipFile(self.wheel) as z:
            name = next(n for n in z.namelist() if n.count("/") == 1 and n.endswith(".dist-info/METADATA"))
            self.info = name.split("/")[0]
            text = z.read(name).decode("utf-8", "replace")
            self.files = z.namelist()
        header = text.split("\n\n", 1)[0].splitlines()
        values = lambda key: [l.split(":", 1)[1].strip() for l in header if l.startswith(key + ":")]
        self.plan["name"] = values("Name")[0]
        request = json.dumps([values("Requires-Dist"), [normal(e) for e in values("Provides-Extra")]])
        out = subprocess.run([PYTHON, "-I", os.path.abspath(__file__), "--split"], input=request.encode(), stdout=subprocess.PIPE, check=True).stdout
        self.plan["requires"], self.plan["optional"] = json.loads(out.decode())

    @property
    def optional(self):
        return self.plan["optional"]

    def requires(self):
        return self.unfold(self.plan["requires"])

    def groups(self):
        return [("the project's extra " + e, self.unfold(self.optional[e])) for e in self.extras]

    def unfold(self, lines, depth=0):
        """Replaces the project itself with what its extras require."""
        made = []
        for line in lines:
            m = re.match(r"([A-Za-z0-9._-]+)\s*(?:\[([^]]*)\])?", line)
            if not m or not self.plan["name"] or normal(m.group(1)) != normal(self.plan["name"]):
                made.append(line)
                continue
            for extra in (m.group(2) or "").split(","):
                if depth < 10:
                    made += self.unfold(self.optional.get(normal(extra.strip()), []), depth + 1)
        return made

    def finish(self):
        site = self.builder.run(PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip().splitlines()[-1]
        if not self.wheel:
            self.describe(site)
            return
        self.builder.pip("install", "--no-deps", "--no-compile", "--ignore-requires-python", self.wheel)
        self.strip(site)
        self.unplug(os.path.join(site, self.info, "entry_points.txt"))

    def unplug(self, name):
        """Removes the plugins of pytest that the project offers: they are modules of
        the tree, and nothing of a patched tree may steer the test runner."""
        if not os.path.exists(name):
            return
        with open(name) as f:
            sections = re.split(r"(?m)^(?=[ \t]*\[)", f.read())
        with open(name, "w") as f:
            f.writelines(s for s in sections if not re.match(r"[ \t]*\[\s*pytest11\s*\]", s))

    def describe(self, site):
        """Writes the metadata that is known without building."""
        name, version = self.plan["name"], self.plan["version"]
        if os.path.isdir(os.path.join(self.plan["tree"], "src")):
            self.builder.report["roots"].append("src")
        if not name:
            return
        info = os.path.join(site, "%s-%s.dist-info" % (re.sub(r"[-_.]+", "_", name), version))
        os.makedirs(info)
        files = {"METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version), "INSTALLER": "repaird\n", "RECORD": ""}
        self.plan["entries"].pop("pytest11", None)
        if self.plan["entries"]:
            files["entry_points.txt"] = "".join("[%s]\n%s\n" % e for e in sorted(self.plan["entries"].items()))
        for name, text in files.items():
            with open(os.path.join(info, name), "w") as f:
                f.write(text)

    def strip(self, site):
        """Removes the installed files that the tree has too, and makes those that it
        lacks importable beside them."""
        tree = set()
        for folder, folders, names in os.walk(self.plan["tree"]):
            folders[:] = [d for d in folders if d not in (".git", "__pycache__", "node_modules")]
            tree.update(os.path.relpath(os.path.join(folder, n), self.plan["tree"]) for n in names)
        files = [f for f in self.files if not f.split("/")[0].endswith((".dist-info", ".data"))]
        tops = {f.split("/")[0] for f in files}
        roots = {""}
        for path in tree:
            parts = path.split("/")
            roots.update("/".join(parts[:i]) for i in range(1, min(len(parts), 4)) if parts[i] in tops)
        shared, order = set(), lambda root: (-sum(os.path.join(root, f) in tree for f in files if f.endswith(".py")), root)
        for root in sorted(roots, key=order):
            here = {f for f in files if os.path.join(root, f) in tree} - shared
            if any(f.endswith(".py") for f in here):
                shared |= here
                self.builder.report["roots"].append(root or ".")
        for path in shared:
            os.unlink(os.path.join(site, path))
        for folder, _, _ in os.walk(site, topdown=False):
            if os.path.relpath(folder, site).split("/")[0] in tops and not os.listdir(folder):
                os.rmdir(folder)
        generated = [f for f in files if f not in shared]
        packages = sorted({f.split("/")[0] for f in generated if "/" in f and f.endswith((".py", ".so"))})
        if packages and shared:
            with open(os.path.join(site, "_repaird_generated.py"), "w") as f:
                f.write(GENERATED % packages)
            with open(os.path.join(site, "_repaird_generated.pth"), "w") as f:
                f.write("import _repaird_generated\n")


def split():
    """Evaluates the markers of a package's requirements in the environment's own
    Python: those without an extra, and those of each."""
    from pip._vendor.packaging.requirements import Requirement
    lines, extras = json.load(sys.stdin)
    plain, optional = [], {e: [] for e in extras}
    for line in lines:
        requirement = Requirement(line)
        marker, requirement.marker = requirement.marker, None
        if marker is None or marker.evaluate({"extra": ""}):
            plain.append(str(requirement))
            continue
        for extra in extras:
            if marker.evaluate({"extra": extra}):
                optional[extra].append(str(requirement))
    json.dump([plain, optional], sys.stdout)


def main():
    if sys.argv[1] == "--split":
        return split()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # -I leaves it out
    import relay
    relay.start()
    with open(sys.argv[1]) as f:
        builder = Builder(json.load(f, object_hook=lambda d: {k: [] if v is None else v for k, v in d.items()}))
    try:
        builder.build()
    except Failed:
        sys.exit(1)
    with open(REPORT, "w") as f:
        json.dump(builder.report, f)


if __name__ == "__main__":
    main()
