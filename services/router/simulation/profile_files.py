"""Profiles by name, as they come with the lab, or from a file."""

from importlib.resources import files
from pathlib import Path

from services.router.profile import Profile, parse_profile
from services.router.simulation.theory.errors import LabError
from services.router.simulation.yaml_document import YamlDocument
from services.router.strategy import StrategyBuilder
from shared.schemas.profile import ProfileSchema

_FOLDER = files("services.router.simulation").joinpath("profiles")


def built_in() -> list[str]:
    """Return the names of the profiles that come with the lab."""
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in _FOLDER.iterdir()
        if entry.name.endswith(".yaml")
    )


def read_profile(name_or_file: str) -> Profile:
    """Return a profile.

    Raises LabError for a name that is neither, a document that is none, and missing plugins: what
    is left out in production, so that tickets go on, would make a comparison meaningless.
    """
    path = Path(name_or_file)
    if name_or_file in built_in():
        text = _FOLDER.joinpath(f"{name_or_file}.yaml").read_text(encoding="utf-8")
        document = YamlDocument(f"profile {name_or_file}", text)
    elif path.suffix in (".yaml", ".yml", ".json") or path.exists():
        document = YamlDocument.read(path)
    else:
        raise LabError(
            f"There is no profile {name_or_file}: name a file or one of {', '.join(built_in())}"
        )
    profile = parse_profile(path.stem, 1, document.load(ProfileSchema()))
    faults = StrategyBuilder().build(profile).pipeline.faults
    if faults:
        missing = "; ".join(f"{fault.kind} {fault.plugin} {fault.error}" for fault in faults)
        raise LabError(f"{document.name}: {missing}. `patchbay plugins` lists what there is")
    return profile
