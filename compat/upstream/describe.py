"""
The public surface of the installed soasap, as data that JSON can hold.

Run as a program it prints that data. It needs nothing but the standard library and soasap, so that the same
code describes the released package in an environment of its own and ours in the test.

A public name of a module is one without a leading underscore that the module itself defines; what it merely
imports is not described. The front door lists its `__all__`.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import importlib
import inspect
import json
from typing import Any, TypeVar

MODULES = ("soasap.client", "soasap.create_client", "soasap.types")


def describe() -> dict[str, Any]:
    """Names of the front door, and the shape of each public name of the modules behind it."""
    return {
        "exports": sorted(importlib.import_module("soasap").__all__),
        "modules": {name: _module(name) for name in MODULES},
    }


def signature(function: Any) -> dict[str, Any]:
    """Parameters in order, each with its kind, its annotation and, if there is one, its default."""
    found = inspect.signature(function)
    parameters = []
    for parameter in found.parameters.values():
        entry = {
            "name": parameter.name,
            "kind": parameter.kind.name,
            "annotation": _text(parameter.annotation),
        }
        if parameter.default is not parameter.empty:
            entry["default"] = repr(parameter.default)
        parameters.append(entry)
    return {"parameters": parameters, "returns": _text(found.return_annotation)}


def _module(name: str) -> dict[str, Any]:
    module = importlib.import_module(name)
    names: set[str] = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {key: _shape(getattr(module, key)) for key in sorted(names) if not key.startswith("_")}


def _shape(thing: Any) -> dict[str, Any]:
    if inspect.isfunction(thing):
        return {"kind": "function", **signature(thing)}
    if isinstance(thing, type):
        return _class(thing)
    if isinstance(thing, TypeVar):
        return {"kind": "type variable"}
    if isinstance(thing, (str, int, float)):
        return {"kind": "constant", "value": repr(thing)}
    return {"kind": "alias"}


def _class(thing: Any) -> dict[str, Any]:
    if issubclass(thing, enum.Enum):
        members = {member.name: member.value for member in thing}
        return {"kind": "enum", "bases": [base.__name__ for base in thing.__bases__], "members": members}
    if dataclasses.is_dataclass(thing):
        return {
            "kind": "dataclass",
            "frozen": vars(thing)["__dataclass_params__"].frozen,
            "constructor": signature(thing),
        }
    methods = {
        name: signature(method)
        for name, method in sorted(vars(thing).items())
        if inspect.isfunction(method) and not name.startswith("_")
    }
    if getattr(thing, "_is_protocol", False):
        return {"kind": "protocol", "methods": methods}
    return {"kind": "class", "constructor": signature(thing), "methods": methods}


def _text(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    return annotation if isinstance(annotation, str) else repr(annotation)


if __name__ == "__main__":
    print(json.dumps(describe(), indent=2))
