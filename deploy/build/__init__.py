"""Installs one service of Patchbay, with what it needs and nothing else, from the lock."""
