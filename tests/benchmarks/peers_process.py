"""
Measures a peer's read of one boolean among as many flags as it is told, from memory.

Each peer gets its flags in the way its own documentation names for tests or offline use; none talks to a server.
The peers are not installed where types are checked, hence `importlib`.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from typing import Any

from tests.benchmarks.timing import best_of

KEY = "flag-500"


def main(peer: str, flags: int, repetitions: int) -> float:
    """Nanoseconds per read."""
    scope: dict[str, Any] = {}
    values = {f"flag-{i}": i % 2 == 0 for i in range(flags)}
    statement = PEERS[peer](values, scope)
    assert eval(statement, scope) is True, f"{peer} does not know its flags"
    return best_of({peer: statement}, scope, repetitions)[peer]


def _launchdarkly(values: dict[str, bool], scope: dict[str, Any]) -> str:
    ldclient = importlib.import_module("ldclient")
    config = importlib.import_module("ldclient.config")
    source = importlib.import_module("ldclient.integrations.test_data").TestData.data_source()
    for key, value in values.items():
        source.update(source.flag(key).variation_for_all(value))
    options = config.Config("sdk-key", update_processor_class=source, send_events=False, diagnostic_opt_out=True)
    scope["client"] = ldclient.LDClient(options, start_wait=10)
    scope["context"] = ldclient.Context.create("user-1")
    return f"client.variation({KEY!r}, context, False)"


def _growthbook(values: dict[str, bool], scope: dict[str, Any]) -> str:
    features = {key: {"defaultValue": value} for key, value in values.items()}
    scope["client"] = importlib.import_module("growthbook").GrowthBook(features=features)
    return f"client.is_on({KEY!r})"


def _configcat(values: dict[str, bool], scope: dict[str, Any]) -> str:
    options = importlib.import_module("configcatclient.configcatoptions").ConfigCatOptions
    overrides = importlib.import_module("configcatclient.localdictionarydatasource").LocalDictionaryFlagOverrides
    behaviour = importlib.import_module("configcatclient.overridedatasource").OverrideBehaviour
    local = overrides(source=values, override_behaviour=behaviour.LocalOnly)
    client = importlib.import_module("configcatclient").get("configcat-sdk-localonly", options(flag_overrides=local))
    scope["client"] = client
    return f"client.get_value({KEY!r}, False)"


def _openfeature(values: dict[str, bool], scope: dict[str, Any]) -> str:
    api = importlib.import_module("openfeature.api")
    memory = importlib.import_module("openfeature.provider.in_memory_provider")
    flags = {key: memory.InMemoryFlag("it", {"it": value}) for key, value in values.items()}
    api.set_provider(memory.InMemoryProvider(flags))
    scope["client"] = api.get_client()
    return f"client.get_boolean_value({KEY!r}, False)"


def _unleash(values: dict[str, bool], scope: dict[str, Any]) -> str:
    unleash = importlib.import_module("UnleashClient")
    cache = importlib.import_module("UnleashClient.cache").FileCache("benchmark", directory=tempfile.mkdtemp())
    strategies = [{"name": "default", "parameters": {}}]
    features = [
        {"name": key, "type": "release", "enabled": value, "strategies": strategies} for key, value in values.items()
    ]
    cache.bootstrap_from_dict({"version": 2, "features": features})
    client = unleash.UnleashClient(
        "http://127.0.0.1:9/api", "benchmark", cache=cache, disable_metrics=True, disable_registration=True
    )
    client.initialize_client(fetch_toggles=False)
    scope["client"] = client
    return f"client.is_enabled({KEY!r})"


PEERS: dict[str, Callable[[dict[str, bool], dict[str, Any]], str]] = {
    "LaunchDarkly": _launchdarkly,
    "GrowthBook": _growthbook,
    "ConfigCat": _configcat,
    "OpenFeature": _openfeature,
    "Unleash": _unleash,
}
"""By the name in the tables: puts a client into the scope, and gives the statement that reads."""
