"""The first process of a container: takes secrets from files, then becomes `patchbay`.

    PATCHBAY_DATABASE_URL_FILE=/run/secrets/database_url

stands for PATCHBAY_DATABASE_URL with the content of that file, without the line break at its end.
What comes as a file is not in what `docker inspect` prints, nor in a compose file. This becomes the
command (execve) and does not start it: signals reach Patchbay itself.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PREFIX, SUFFIX = "PATCHBAY_", "_FILE"


def with_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with what the files of PATCHBAY_…_FILE hold.

    Ends the process with status 2 and a line if a file cannot be read, or both forms are given.
    """
    found = dict(environment)
    for name, path in environment.items():
        if not (name.startswith(PREFIX) and name.endswith(SUFFIX)):
            continue
        setting = name.removesuffix(SUFFIX)
        if setting in environment:
            sys.exit(_refusal(f"{setting} and {name} are both set; leave one of them out"))
        try:
            found[setting] = Path(path).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            sys.exit(_refusal(f"{name}: {error}"))
        del found[name]
    return found


def _refusal(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 2


if __name__ == "__main__":
    os.execvpe("patchbay", ["patchbay", *sys.argv[1:]], with_secrets(os.environ))  # noqa: S606
