"""
The checks of `soasap doctor`.

Law: one subject per file. A check is a small function that looks at one thing, changes nothing, and gives a `Finding`;
what it looks at is handed in. None of them puts the API key or a proxy's password into words.
"""
