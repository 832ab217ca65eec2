"""
`soasap relay`: one upstream stream for a machine or a cluster, any number of clients behind it.

Law of the room: it stands between a client of ours and the server core, and adds to neither. What it serves came from
upstream, byte for byte; what it decides about roles and versions is decided here, in files that touch no socket where
that can be.

- `settings`, `settings_file` – what it is told, by a TOML file and options
- `upstream` – our own client as a source of payloads
- `environment`, `roster` – one API key and its streams; which key is whose, and keys nobody named
- `application`, `health`, `metrics` – requests, and what operators see
- `solo` – a relay that shares with nobody
- `link`, `member`, `lease`, `shared_snapshot`, `announcements` – relays that share one upstream stream over Redis
- `disk_copy` – the disk of a relay that follows
- `drain`, `relay` – leaving without a storm; all of it joined into a process; `process` starts such a process
- `commands` – what the terminal sees
"""
