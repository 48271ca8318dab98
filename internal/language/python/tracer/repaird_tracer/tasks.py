"""Which asyncio task a call belongs to, asked without running the program's code.

asyncio is never imported here: until the program has, no call has a task.
"""
from _weakref import ref
import sys

from repaird_tracer.signals import foreign
from repaird_tracer.values import derives, quote

_modules, _id, _type, _str, _len, _Exception = sys.modules, id, type, str, len, Exception
_dict, _TypeError = dict, TypeError
_OWN = frozenset([(lambda: 0).__code__.co_filename])


class Tasks(object):
    """Numbers the tasks of one process. A task object is known by its address
    and, since addresses are used again, a weak reference."""

    def __init__(self, define):
        self.define, self.known, self.numbered = define, {}, 0
        self.current = None  # the interpreter's own function, once asyncio is there

    def ready(self):
        """Binds asyncio's functions once its module is loaded. Says whether it is."""
        if self.current is not None:
            return True
        tasks = _modules.get("asyncio.tasks")
        events = _modules.get("asyncio.events")
        if tasks is None or events is None:
            return False
        running = tasks.__dict__.get("_get_running_loop") or events.__dict__.get("_get_running_loop")
        table = tasks.__dict__.get("_current_tasks")
        c = _modules.get("_asyncio")
        c_current = c.__dict__.get("current_task") if c is not None else None
        if running is None or tasks.__dict__.get("Task") is None:
            return False  # still being imported
        shared = c is None or c_current is None or c.__dict__.get("_current_tasks") is table
        if _type(table) is _dict and shared:  # from 3.14 the C code keeps its own account
            self.current = _by_table(running, table)
        elif _type(c_current) is _type(_len):
            self.current = _by_function(running, c_current)
        else:
            return False
        self.names = []
        for kind in (c.__dict__.get("Task") if c is not None else None, tasks.__dict__.get("_PyTask")):
            name = kind.__dict__.get("get_name") if kind is not None else None
            if name is not None:
                self.names.append((kind, name))
        return True

    def suffix(self):
        """The record's key for the task of the calling thread, or "".
        Raises nothing of its own."""
        try:
            task = self.current()
        except _Exception as error:
            if foreign(error, _OWN):
                raise  # a signal handler's
            return ""
        if task is None:
            return ""
        known = self.known.get(_id(task))
        if known is not None and known[0]() is task:
            return known[1]
        return self._number(task)

    def _number(self, task):
        self.numbered += 1
        text = ',"ta":%d' % self.numbered
        if _len(self.known) > 50000:
            self.known.clear()
        try:
            self.known[_id(task)] = (ref(task), text)
        except _TypeError:  # a task class without weak references
            return ""
        name = ""
        for kind, get in self.names:
            if derives(_type(task), kind):
                name = get(task)
                break
        self.define('{"k":"task","ta":%d,"name":%s}\n' % (self.numbered, quote(name[:100] if _type(name) is _str else "")))
        return text


def _by_table(running, table):
    def current():
        loop = running()
        if loop is not None:
            for k, task in table.items():  # a look-up would ask the loop for its hash
                if k is loop:
                    return task
        return None
    return current


def _by_function(running, task_of):
    def current():
        loop = running()
        return None if loop is None else task_of(loop)
    return current
