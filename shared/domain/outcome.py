"""How somebody knows that a solution holds."""

from enum import StrEnum


class VerificationMethod(StrEnum):
    """By a test of the desk, or by what the requester says."""

    TEST = "test"
    REQUESTER = "requester"
