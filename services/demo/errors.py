"""What can keep the demo from running."""


class DemoError(Exception):
    """The demo cannot go on; the text is one or a few lines for whoever started it."""
