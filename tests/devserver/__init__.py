"""The embedded flag server: its parts in this process, the whole of it as a process of its own."""
