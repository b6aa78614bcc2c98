"""How long a request has waited for a thread: the server's pool keeps a queue that the application cannot see.

A server that tells (``worker``) sets it; under any other it is nought.
"""

from contextvars import ContextVar

LONGEST_S = 0.25  # half of what a clinician should wait at all; whoever has waited longer is told to come again

waited: ContextVar[float] = ContextVar("waited", default=0.0)
