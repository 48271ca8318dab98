"""Prints the package index that this Python's pip uses where none is configured."""

import glob
import os
import sys

try:
    from pip._internal.models.index import PyPI
except ImportError:
    import ensurepip
    bundled = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl")
    sys.path[:0] = glob.glob(bundled) + glob.glob("/usr/share/python-wheels/pip-*.whl")
    from pip._internal.models.index import PyPI

print(PyPI.simple_url)
