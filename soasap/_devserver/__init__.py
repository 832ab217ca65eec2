"""
The embedded flag server of the terminal commands, and what it is made of.

Law of the room: an annex. It speaks the wire by what `soasap._server` has, and knows the house only by its public
names; nothing in the house imports it. gevent, watchfiles, click and rich come from the extra
`soasap[server]` and are imported in the file that needs them.

- `flag_file`, `flag_watcher` – a JSON file as the source of payloads
- `flag_source`, `flag_text`, `file_replacement` – changing one flag in that file, and nothing else in it
- `application` – which request gets what
- `page_application`, `page_guard`, `page_news`, `page_feed`, `journal` – the page at `/`: its requests, who may make
  them, and what it is told; `page/` is what the browser gets, as it stands there
- `serve` – joins them into a process; `process` starts such a process and stops it
- `commands` – what the terminal sees; `demo` and its parts – a server and clients, and what they promise, shown
- `demo_app`, `gunicorn_process` – what the demo runs under Gunicorn, which is no dependency of the extra
"""
