"""
A fleet: what is reckoned with real delays and no network, and what relays do when something dies.

- `weather`, `delays` – ten thousand clients in bad weather, beside release 1.0.3: `python -m tests.fleet`
- `million` – a million clients on relays: `python -m tests.fleet.million`
- `cluster`, `counter`, `recorders` – three relays, their Redis, a flag server and readers, as processes
- `faults`, `finding`, `fault_table` – what may happen to them, and what it cost: `python -m tests.fleet.fault_table`
"""
