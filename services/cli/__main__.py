"""Lets `python -m services.cli` stand for `patchbay`."""

from services.cli.main import main

if __name__ == "__main__":
    main()
