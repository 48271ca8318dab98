"""Documented examples: what docstrings show after >>> is what the authors meant."""

import ast
import doctest
import importlib
import io
import signal
import sys

from .siblings import TooSlow, module_name

MAX_EXAMPLES = 20
SECONDS = 0.5


def collect(sources, roots):
    """[(module, statement, wanted output)] of the given files."""
    found = []
    for path in sorted(sources):
        for node in ast.walk(sources[path].tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                try:
                    examples = doctest.DocTestParser().get_examples(node.value.value)
                except ValueError:
                    continue
                for example in examples:
                    if example.want and len(found) < MAX_EXAMPLES:
                        found.append((module_name(path, roots), example.source, example.want))
    return found


def ask(examples):
    """Whether each example gives what it says; for use in a fork after prepare()."""
    checker, answers = doctest.OutputChecker(), []
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

    def late(*_):
        raise TooSlow()

    signal.signal(signal.SIGALRM, late)
    for name, statement, want in examples:
        out, kept = io.StringIO(), sys.stdout
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            space = dict(vars(importlib.import_module(name)))
            sys.stdout = out
            exec(compile(statement, "<example>", "single"), space)
            answers.append(checker.check_output(want, out.getvalue(), flags))
        except BaseException:
            answers.append(False)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout = kept
    return answers
