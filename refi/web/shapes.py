"""What is wrong with the shape of a request, in words of our own. Pure.

The framework finds the faults; its sentences speak of Python ("a valid dictionary or object to extract
fields from") and change with its versions, so none of them is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from refi.errors import Fault

WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "bool_type": "must be true or false",
    "bytes_type": "must be text",
    "date_type": "must be a date, YYYY-MM-DD",
    "decimal_type": "must be a decimal string",
    "dict_type": "must be a JSON object",
    "enum": "must be one of {expected}",
    "finite_number": "must be a finite number",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_type": "must be a whole number",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode",
    "too_long": "must list at most {max_length}",
    "too_short": "must list at least {min_length}",
    "tuple_type": "must be a list",
}
OTHERWISE = "is not what the documentation asks for"
CODES = {
    "model_attributes_type": "not_an_object",
    "model_type": "not_an_object",
    "dict_type": "not_an_object",
    "tuple_type": "list_type",
    "value_error": "not_valid",
}
"""Codes of ours where the framework's name says nothing of JSON."""


def pointer(location: Sequence[object]) -> str:
    """A JSON pointer from the framework's location; ``body`` is the document itself."""
    parts = [str(part) for part in location]
    if parts and parts[0] == "body":
        parts = parts[1:]
    text = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
    return text.encode("utf-8", "replace").decode().replace("\x00", "")[:200]


def fault(found: Mapping[str, Any]) -> Fault:
    """The pointer and the code of one fault that the framework found."""
    kind = str(found["type"])
    return Fault(pointer(found["loc"]), CODES.get(kind, kind))


def sentence(found: Mapping[str, Any]) -> str:
    """One fault in words: ``/amount: must be at least 1``, ``the body is missing``."""
    named = pointer(found["loc"])
    if found["type"] == "value_error":  # raised by a rule of ours, which says what it wants
        said = str(found.get("ctx", {}).get("error", OTHERWISE))
        return f"{named}: {said}" if named else said
    said = WORDS.get(str(found["type"]), OTHERWISE).format_map(found.get("ctx", {}))
    return f"{named}: {said}" if named else f"the body {said}"
