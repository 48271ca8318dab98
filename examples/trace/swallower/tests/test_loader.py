import json

import pytest

from settings.loader import load_config


def write_config(directory, data):
    path = directory / "config.json"
    path.write_text(json.dumps(data))
    return path


def test_a_complete_config_is_loaded(tmp_path):
    path = write_config(tmp_path, {"api_key": "k", "port": 80})
    assert load_config(path) == {"api_key": "k", "port": 80}


def test_without_a_file_the_defaults_hold(tmp_path):
    assert load_config(tmp_path / "none.json", {"port": 1}) == {"port": 1}


def test_an_invalid_config_raises(tmp_path):
    path = write_config(tmp_path, {"database": "postgres://localhost/db"})
    with pytest.raises(ValueError, match="Missing required"):
        load_config(path)
