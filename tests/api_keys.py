"""API keys as tests make them: by somebody whom the audit log calls `test`."""

from functools import partial

from shared.db import api_keys
from shared.domain.audit import Actor

#: Who acts, where it is no matter.
TESTER = Actor("test")

create_key = partial(api_keys.create_key, actor=TESTER)
