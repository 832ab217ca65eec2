"""
The room that runs: loops, and the one cell they share with the readers.

Law: imports `_sansio` and `protocols` only. Loops wait through the events and tasks of the backend they are given,
never through threading, gevent or eventlet.
"""
