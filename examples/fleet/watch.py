"""Looks at the fleet several times a second: what the table shows, and whether one stream was ever more than one."""

import threading

INTERVAL = 0.1  # seconds


class Watch:
    """
    A thread that looks until `stop`.

    Attributes:
        relays: What each relay said of its environment when last asked; empty for one that did not answer.
        streams: Upstream streams at the flag server when last counted; `None` if it did not answer.
        most: The largest such number counted while the stage was calm, from the count's begin to its end.
    """

    def __init__(self, stage):
        self._stage = stage
        self._stopped = threading.Event()
        self.most = 0
        self._look()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join()

    def _run(self):
        while not self._stopped.wait(INTERVAL):
            self._look()

    def _look(self):
        self.relays = [self._stage.health(place) for place in range(len(self._stage.urls))]
        calm = self._stage.calm
        try:
            self.streams = self._stage.upstream_streams()
        except OSError:
            self.streams = None
            return
        # Equal numbers: nothing was killed while the server counted, and calm began before.
        if calm and calm == self._stage.calm:
            self.most = max(self.most, self.streams)
