import json
import os
import tempfile

from loader import load_config


def _write_config(data):
    handle, path = tempfile.mkstemp(suffix=".json")
    with os.fdopen(handle, "w") as f:
        json.dump(data, f)
    return path


def test_load_invalid_config_raises():
    path = _write_config({"database": "postgres://localhost/db"})
    try:
        load_config(path)
    except ValueError:
        pass
    else:
        raise AssertionError("DID NOT RAISE <class 'ValueError'>")
    finally:
        os.unlink(path)
