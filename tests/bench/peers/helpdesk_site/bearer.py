"""Tokens as the load generator sends them. A password would be hashed anew for every request."""

from rest_framework.authentication import TokenAuthentication


class BearerAuthentication(TokenAuthentication):
    """A token behind `Bearer`."""

    keyword = "Bearer"
