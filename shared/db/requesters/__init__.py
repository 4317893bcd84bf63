"""Who asks for help: found by what they are known by, or made, a whole batch at a time.

Everybody who locks more than one thing here takes requesters first, by id, and addresses then, by
kind and value. So no two transactions can wait for each other in a circle.
"""

from shared.db.requesters.find_or_make import find, find_or_make
from shared.db.requesters.resolve import new_row

__all__ = ["find", "find_or_make", "new_row"]
