"""
The soak: the real client for minutes on end, in weather that never clears up.

`python -m tests.soak --backend gevent --minutes 20` starts a flag service (`service`) and a process with the client in
it (`subject`), prints what the latter tells (`report`) and ends with a verdict (`verdict`): status 0, or 1 if memory
grew, descriptors or threads came up, an event was lost, or the client was away for too long.

Inside the subject: `ledger` keeps count of what arrives, `watch` of how fresh it is, `census` of what the process
holds; `disk` spoils the cache directory, `forks` has children, `readers` reads, `handlers` has an `on_error` that
raises.
"""
