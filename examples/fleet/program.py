"""A program that runs beside us: started, listened to, stopped by its pid."""

import signal
import subprocess
import threading
import time

broken_off = []
"""Signals that asked us to end. Noted, and acted on where we wait: no program is lost in the middle of its start."""


class DidNotHold(Exception):
    """Something that was promised did not come; the message says what."""


class Program:
    """
    Runs until `kill` or `stop`.

    Args:
        command: What to run.
        env: Its environment.
        cwd: Where it runs.
        on_line: Called with each line of its stdout, in a thread of its own.
        errors: Where its stderr goes.
    """

    def __init__(self, command, *, env, cwd=None, on_line=None, errors=subprocess.DEVNULL):
        self.command = command
        self._on_line = on_line
        self._lines = []
        self.process = subprocess.Popen(
            command,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # a Ctrl-C is for us, and we end it in our order
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def first_line(self, timeout=30.0):
        """The first thing it says."""
        await_(lambda: self._lines or self.process.poll() is not None, f"a word of {self.command[0]}", timeout)
        if not self._lines:
            raise DidNotHold(f"{' '.join(self.command)} ended with status {self.process.returncode}")
        return self._lines[0]

    def kill(self):
        """`kill -9`."""
        self.process.kill()
        self.process.wait()
        self._listener.join()

    def stop(self):
        """End it as a service manager does. Idempotent."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _listen(self):
        for line in self.process.stdout:
            self._lines.append(line.rstrip("\n"))
            if self._on_line is not None:
                self._on_line(self._lines[-1])


def await_(condition, what, timeout):
    """Wait until a condition holds; what it gave. Raises `DidNotHold`, and `KeyboardInterrupt` once broken off."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if broken_off:
            raise KeyboardInterrupt
        if time.monotonic() > deadline:
            raise DidNotHold(f"not within {timeout:g} seconds: {what}")
        time.sleep(0.01)
    return found
