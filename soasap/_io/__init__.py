"""
The room that touches: HTTP and disk.

Law: every foreign error is translated here, once, into `soasap.exceptions`. Nothing here knows how tasks are
scheduled; sockets and TLS contexts are handed in.
"""
