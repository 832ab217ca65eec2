"""
The room that decides: bytes to events, payloads to snapshots, failures to delays.

Law: no clock, socket, thread, file, environment, log or random source. Time, chance and bytes come in as
arguments; decisions go out as values.
"""
