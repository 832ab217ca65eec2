"""
Errors in the background: counted, logged, and handed to `on_error`.

Every error counts in `status()`. A warning is logged once per kind until that part has recovered, not once per retry
for ever. `on_error` gets every report, except that PARSER reports are limited to `PARSER_LIMIT` a minute and that its
queue has an end; what is left out is counted in the next one of that source.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from soasap._runtime.callbacks import Callbacks
from soasap._runtime.vitals import Vitals
from soasap._sansio.throttle import Throttle
from soasap.exceptions import SoasapError
from soasap.types import SoasapErrorHandler, SoasapErrorSource, create_error_context

__all__ = ["PARSER_LIMIT", "Reporter"]

PARSER_LIMIT = 10
"""Reports a minute. A service that sends garbage may send it two hundred times a second."""

logger = logging.getLogger("soasap")


class Reporter:
    """
    Where tasks bring their errors.

    Args:
        on_error: The application's handler, if it gave one.
        callbacks: Makes the calls to it.
        vitals: Gets the counts.
        secret: The API key: never logged, even if a foreign error quotes it.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        on_error: SoasapErrorHandler | None,
        callbacks: Callbacks,
        vitals: Vitals,
        secret: str,
        clock: Callable[[], float],
    ) -> None:
        self._on_error = on_error
        self._callbacks = callbacks
        self._vitals = vitals
        self._secret = secret
        self._clock = clock
        self._parser_throttle = Throttle(PARSER_LIMIT, 60.0)
        self._omitted = dict.fromkeys(SoasapErrorSource, 0)
        self._logged: set[tuple[SoasapErrorSource, type[BaseException], object]] = set()

    def report(self, error: BaseException, source: SoasapErrorSource) -> None:
        """
        Report one error.

        Args:
            error: What happened. One of ours says whether trying again may help; a foreign one may pass.
            source: The part that noticed.
        """
        is_transient = True
        if isinstance(error, SoasapError):
            is_transient = error.is_transient
            error.__traceback__ = None  # its words say all, and it is kept: its frames would keep a whole payload alive
        context = create_error_context(error, source, is_transient)
        self._vitals.errors += 1
        self._vitals.last_error = context
        self._log(error, source)
        if self._on_error is None:
            return
        omitted = self._omitted
        if source is SoasapErrorSource.PARSER and not self._parser_throttle.admit(self._clock()):
            omitted[source] += 1
            return
        if omitted[source] and isinstance(error, SoasapError):
            error.omitted, omitted[source] = omitted[source], 0
        if not self._callbacks.post(partial(self._on_error, context)):
            omitted[source] += 1 + getattr(error, "omitted", 0)

    def recovered(self, source: SoasapErrorSource) -> None:
        """This part works again: its next error is news."""
        if self._logged:
            # From a copy: another task may add its own meanwhile, and a set must not grow under a loop.
            self._logged = {kind for kind in list(self._logged) if kind[0] is not source}

    def info(self, message: str, *args: object) -> None:
        """Log something that is not an error."""
        logger.info(message, *args)

    def warn_once(self, message: str) -> None:
        """Log a warning that the operator should see, the first time only."""
        kind = (SoasapErrorSource.NETWORK, UserWarning, message)
        if kind not in self._logged:
            self._logged.add(kind)
            logger.warning("soasap: %s", message)

    def _log(self, error: BaseException, source: SoasapErrorSource) -> None:
        kind = (source, type(error), getattr(error, "status", None))
        level = logging.DEBUG if kind in self._logged else logging.WARNING
        self._logged.add(kind)
        if logger.isEnabledFor(level):
            text = str(error).replace(self._secret, "***")
            logger.log(level, "soasap: %s error: %s: %s", source.value, type(error).__name__, text)
