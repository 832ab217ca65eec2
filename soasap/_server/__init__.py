"""
The wire from the server's side: what `soasap serve` and `soasap relay` share.

Law of the room: it belongs to one gevent hub and serves whatever payload it is given; where payloads come from is the
business of the two rooms that use it. gevent comes from the extras `soasap[server]` and `soasap[relay]`.

- `broadcaster`, `woken_stream` – the newest payload to any number of streams; knows neither sockets nor sources
- `answers` – the answers that both give: a stream, a small document, a refusal
- `server`, `stream_body`, `hang_up` – requests, sockets, and noticing that a reader left
- `process` – a server as a process, seen from its parent
- `listening` – what it takes to listen, and to leave: an address, a certificate, descriptors, and an end
"""
