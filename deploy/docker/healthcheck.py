"""Ends with 0 if a URL answers with 200 within 4 seconds; the image has no curl.

Asked for /healthz: a database that is away makes a process unready, and ending the process for it
would mend nothing.
"""

import sys
from urllib.request import urlopen

TIMEOUT_S = 4


def main() -> None:
    """Ask the URL that the command line names."""
    try:
        with urlopen(sys.argv[1], timeout=TIMEOUT_S) as answer:  # noqa: S310 -- given by the image
            status = answer.status
    except OSError as error:
        sys.exit(str(error))
    sys.exit(0 if status == 200 else f"answered {status}")


if __name__ == "__main__":
    main()
