"""Objects that share what they are meant to: a tree with parents, an event bus, settings, a pool."""
import copy


class Settings:
    def __init__(self, **values):
        self.values = values

    def replace(self, **values):
        own = copy.copy(self)
        own.values = dict(self.values, **values)
        return own


class Bus:
    def __init__(self):
        self.handlers, self.log = {}, []

    def on(self, name, handler):
        self.handlers.setdefault(name, []).append(handler)

    def send(self, name, value):
        for handler in self.handlers.get(name, ()):
            handler(value)
        self.log.append(name)


class Node:
    def __init__(self, name, bus, parent=None):
        self.name, self.bus, self.parent, self.children = name, bus, parent, []
        if parent is not None:
            parent.children.append(self)
        bus.on("rename", self.rename)

    def rename(self, value):
        if value.get(self.name):
            self.name = value[self.name]

    def depth(self):
        return 0 if self.parent is None else self.parent.depth() + 1


def collect(node, into):
    into.append(node.name)
    for child in node.children:
        collect(child, into)
    return into


def build(bus, n):
    root = Node("root", bus)
    for i in range(n):
        Node("leaf%d" % i, bus, Node("branch%d" % i, bus, root))
    return root


base = Settings(size=1)
assert base.replace(size=2).values != base.values
bus = Bus()
root = build(bus, 12)
bus.send("rename", {"leaf3": "apple"})
names = collect(root, [])
assert "apple" in names and len(names) == 25
assert root.children[3].children[0].depth() == 2
