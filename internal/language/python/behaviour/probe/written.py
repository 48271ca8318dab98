"""The files that a call writes, from the interpreter's audit events."""

import hashlib
import os
import re
import sys

MAX_FILES = 20
MAX_BYTES = 1 << 20
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Files:
    def __init__(self, root):
        self.root, self.paths, self.on = root, {}, True
        if hasattr(sys, "addaudithook"):
            sys.addaudithook(self.event)

    def stop(self):
        self.on = False

    def event(self, name, args):
        if not self.on:
            return
        if name == "open":
            path, mode, flags = args[0], args[1], args[2]
            if isinstance(flags, int) and flags & WRITING and isinstance(path, (str, bytes)):
                self.add(path)
        elif name in ("os.rename", "os.link", "os.symlink"):
            self.add(args[1])
        elif name in ("os.remove", "os.mkdir", "os.rmdir", "os.truncate", "sqlite3.connect"):
            self.add(args[0])

    def add(self, path):
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if isinstance(path, str) and len(self.paths) < MAX_FILES:
            path = os.path.abspath(path)
            if not path.startswith("/dev/"):
                self.paths[path] = True

    def digest(self):
        """Of names and contents; "" where nothing was written. Names that
        tempfile chose differ from run to run and are left out."""
        if not self.paths:
            return ""
        said = []
        for path in self.paths:
            name = re.sub(r"tmp[a-z0-9_]{8}", "tmp", path.replace(os.environ.get("TMPDIR", "/tmp"), "<tmp>").replace(self.root, "<tree>"))
            try:
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read(MAX_BYTES)).hexdigest()
            except OSError:
                content = "none"
            said.append(name + "\0" + content)
            if path.startswith("/tmp/"):
                try:
                    os.remove(path)  # no other call sees it
                except OSError:
                    pass
        return hashlib.sha256("\n".join(sorted(said)).encode("utf-8", "replace")).hexdigest()
