"""
What `soasap get`, `soasap watch` and `soasap doctor` are made of.

Law of the room: an annex. Nothing in the house imports it. `get` and `watch` are ordinary users of the client;
`doctor` puts the client's own parts (transport, judging, decoder, cache file, choice of a backend) to work one at a
time and says what it saw. The API key comes from the environment, never from a command line, and is never shown.

- `settings` – what the environment and the options say
- `commands`, `cannot_start` – what the terminal sees
- `get`, `values` – one flag for a script
- `watch`, `board`, `screen`, `delays` – all flags, live
- `doctor` – which checks, and in which order; `checks` – one subject each; `finding`, `troubles` – what they give
- `report` – findings in words, and as JSON
"""
