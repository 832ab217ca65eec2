"""
Measures import and construction with a warm cache in its own process.

Of the standard library only what most applications have loaded is there before: json, importlib and pathlib.
"""

import time

started = time.process_time()
import soasap  # noqa: E402  # the measurement

imported = time.process_time()


def main(cache_directory: str, base_url: str) -> dict[str, float]:
    """Milliseconds of CPU: the import, the first client, a second one."""
    times = [time.process_time()]
    for _ in range(2):
        client = soasap.create_soasap_client(api_key="benchmark", base_url=base_url, cache_directory=cache_directory)
        times.append(time.process_time())
        client.close()
    first, second, third = times
    return {
        "import": (imported - started) * 1e3,
        "first client": (second - first) * 1e3,
        "second client": (third - second) * 1e3,
    }
