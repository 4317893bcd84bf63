"""What tests of deployments ask of an environment: does Patchbay know it, and take it."""

from collections.abc import Iterable, Mapping

import pytest

from shared.settings import Settings, load_settings, variable_names

SECRET_SUFFIX = "_FILE"


def unknown(names: Iterable[str], *, files: bool = False) -> list[str]:
    """The PATCHBAY_ names that are no settings; with `files`, entrypoint.py's form is known too."""
    known = set(variable_names())
    if files:
        known |= {name + SECRET_SUFFIX for name in known}
    return [name for name in names if name.startswith("PATCHBAY_") and name not in known]


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings of a process with these PATCHBAY_ variables. Raises SettingsError."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            if name.startswith("PATCHBAY_"):
                patch.setenv(name, value)
        return load_settings()
