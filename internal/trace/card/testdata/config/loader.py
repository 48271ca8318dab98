import json


def read_config_file(filepath):
    with open(filepath) as f:
        return json.load(f)


def validate_config(config):
    missing = [name for name in ("api_key", "port") if name not in config]
    if missing:
        raise ValueError("Missing required config fields: %s" % missing)


def load_config(filepath, defaults=None):
    defaults = defaults or {}
    try:
        config = read_config_file(filepath)
        merged = dict(defaults, **config)
        validate_config(merged)
        return merged
    except Exception:
        return defaults
