"""Modules whose names Python cannot write, such as those of migrations."""

import importlib.util
from types import ModuleType


def load_module(path: str) -> ModuleType:
    """Load a module from its file."""
    spec = importlib.util.spec_from_file_location("loaded", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
