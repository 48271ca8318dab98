"""Reads and validates the settings of a service."""
import json

REQUIRED = ("api_key", "port")


def read_config_file(filepath):
    with open(filepath) as file:
        return json.load(file)


def validate_config(config):
    missing = [field for field in REQUIRED if field not in config]
    if missing:
        raise ValueError(f"Missing required config fields: {missing}")


def load_config(filepath, defaults=None):
    defaults = defaults or {}
    try:
        config = read_config_file(filepath)
        merged = {**defaults, **config}
        validate_config(merged)
        return merged
    except Exception:
        return defaults
