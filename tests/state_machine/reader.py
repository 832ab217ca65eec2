"""A thread of the application that reads all the time, and expects what it reads never to become older."""

from __future__ import annotations

import threading

from soasap import SoasapClientImpl

__all__ = ["Reader"]


class Reader:
    """
    Reads one flag, which the service counts up, from now until `stop`.

    Attributes:
        complaints: What was not as it should be.
    """

    KEY = "#"

    def __init__(self, client: SoasapClientImpl) -> None:
        self.complaints: list[str] = []
        self._client = client
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Again does nothing."""
        self._stopping.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        last = 0
        try:
            while not self._stopping.wait(0.001):
                number = self._client.get_int(self.KEY, last)  # the default while all flags are cleared
                if number < last:
                    self.complaints.append(f"{number} was read after {last}")
                last = number
        except BaseException as error:
            self.complaints.append(f"a read raised {error!r}")
