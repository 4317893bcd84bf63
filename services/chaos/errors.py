"""What can keep the proof from being made."""


class ChaosError(Exception):
    """The proof cannot be made, or not to its end; the text is one line and the way out."""
