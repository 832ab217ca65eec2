"""An `on_error` that raises whatever it is told, and a log that is read and thrown away."""

from __future__ import annotations

import logging
from collections import Counter

from soasap import SoasapErrorContext


class RaisingHandler:
    """
    The `on_error` of an application that is no better than the network.

    Attributes:
        reports: By source: how many came.
    """

    def __init__(self) -> None:
        self.reports: Counter[str] = Counter()

    def __call__(self, context: SoasapErrorContext) -> None:
        self.reports[context.source.value] += 1
        raise RuntimeError(f"the handler cannot handle {context.exception}")


class CountingLog(logging.Handler):
    """
    Formats each record, as a real log does, and keeps its level only.

    Attributes:
        records: By level: how many came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: Counter[str] = Counter()
        logger = logging.getLogger("soasap")
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
        self.records[record.levelname] += 1
