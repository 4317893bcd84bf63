"""Writes the bill of materials of each image: CycloneDX 1.6, JSON, one file a target.

    python -m deploy.build.sbom [FOLDER]

Of the packages that the target's part of requirements.lock pins, with their hashes. cyclonedx-py
validates each file against the schema before it writes it.
"""

import subprocess
import sys
from pathlib import Path

from deploy.build.locked import ROOT, TARGETS, requirements

FOLDER = ROOT / "var" / "sbom"


def write(folder: Path) -> list[Path]:
    """Write the files and return their paths; raises CalledProcessError for one that is invalid."""
    folder.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).parent / "cyclonedx-py"
    made = []
    for target in TARGETS:
        path = folder / f"patchbay-{target}.cdx.json"
        command: list[str | Path] = [
            program,
            "requirements",
            "-",
            "--pyproject",
            ROOT / "pyproject.toml",
        ]
        command += ["--spec-version", "1.6", "--output-format", "JSON", "--output-reproducible"]
        command += ["--validate", "--output-file", path]
        # Its warning about the dependency graph, which a list of requirements does not have.
        subprocess.run(
            command, input=requirements(target), text=True, check=True, stderr=subprocess.PIPE
        )
        made.append(path)
    return made


def main(arguments: list[str]) -> int:
    """Write the files and say where they are."""
    try:
        made = write(Path(arguments[0]) if arguments else FOLDER)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error.stderr}\n")
        return 1
    for path in made:
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
