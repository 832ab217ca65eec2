"""
Coverage-guided fuzzing of the decoder and the parser with atheris, which is not among the packages of the project.

    python3.11 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris -e .
    mkdir -p /tmp/found
    /tmp/fuzz/bin/python -m tests.fuzz.fuzz decoder -max_len=400 -max_total_time=600 /tmp/found \\
        tests/fuzz/corpus/decoder

The first argument is a name from `targets.TARGETS`, the others go to libFuzzer, which puts new inputs into the first
folder. An input that fails is written to a file `crash-...`; put it into the corpus when what it found is mended. The
corpus is kept small by merging what was found into an empty folder and taking over what is short:

    /tmp/fuzz/bin/python -m tests.fuzz.fuzz decoder -merge=1 /tmp/smaller tests/fuzz/corpus/decoder /tmp/found
"""

from __future__ import annotations

import json.decoder
import json.scanner
import sys
import tempfile

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

# The parser itself is machine code. The standard library's, its oracle, shows the way through the grammar. Before the
# targets are imported, because they make a decoder of it.
for module, name in (
    (json.decoder, "JSONObject"),
    (json.decoder, "JSONArray"),
    (json.decoder, "py_scanstring"),
    (json.scanner, "py_make_scanner"),
):
    setattr(module, name, atheris.instrument_func(getattr(module, name)))
with atheris.instrument_imports(include=["soasap._sansio", "soasap.client", "tests.fuzz"]):
    from tests.fuzz.targets import TARGETS

WORDS = {
    "decoder": r"data event id retry :\x20 \x0d\x0a \x0a\x0a \x0d\x0d \xef\xbb\xbf \x00",
    "payload": r"{\" \": \", true false null [ ] } \\u00e9 1e -0.0 999999999999999999",
}
"""What each grammar is made of, as libFuzzer's dictionaries spell it."""


def main() -> None:
    target = sys.argv.pop(1)
    with tempfile.NamedTemporaryFile("w", suffix=".dict") as words:
        words.writelines(f'"{word}"\n' for word in WORDS[target].split())
        words.flush()
        atheris.Setup([*sys.argv, f"-dict={words.name}"], TARGETS[target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
