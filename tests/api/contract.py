"""The service's own ``/openapi.json`` as a judge: every answer that comes by is held against it.

schemathesis does the judging (documented status, content type, headers, schema; no 5xx) and makes up cases;
the requests themselves go over a real socket with httpx.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import given as given_cases
from hypothesis.errors import Unsatisfiable
from requests import Request
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Case = schemathesis.Case[Any]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PROBLEM = {
    "type", "title", "status", "detail", "instance", "code", "errors", "request_id", "display_message",
}  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """``"POST /v1/cards"`` → its part of the document."""
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


FRAMEWORKS_WORDS = re.compile(
    r"Value error|Input should|Field required|should have|valid (dictionary|tuple|list)|Extra inputs"
)
"""What pydantic says of a shape; our sentences are our own (`refi.web.shapes`)."""


def require_problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem that ``answer`` is, complete; its id is the answer's."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert body.keys() >= PROBLEM, body
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["request-id"] != ""
    assert body["display_message"]
    assert all(fault.keys() == {"pointer", "code"} for fault in body["errors"])
    assert not FRAMEWORKS_WORDS.search(body["detail"]), body["detail"]
    return body


@dataclass
class Judge:
    """Holds answers against the document and counts what was reached."""

    document: dict[str, Any]
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        loose = copy.deepcopy(self.document)
        for schema in loose["components"]["schemas"].values():
            for each in schema.get("properties", {}).values():
                if each.get("maxLength", 0) > 10_000:
                    each["maxLength"] = 10_000  # making up megabytes proves nothing and takes seconds
        self.schema = schemathesis.openapi.from_dict(loose)
        self.by_label = {
            found.ok().label: found.ok()
            for found in self.schema.get_all_operations()
            if isinstance(found, Ok)
        }
        assert self.by_label.keys() == operations(self.document).keys()

    def judge(self, case: Case, answer: httpx.Response) -> None:
        """Fail unless the answer is one that the document announces; a problem must be complete."""
        self.answers[case.operation.label, answer.status_code] += 1
        if answer.status_code == 405:
            return
        case.validate_response(answer, checks=CHECKS)
        assert answer.headers["request-id"]
        if answer.status_code >= 400:
            require_problem(answer)

    def succeeded(self) -> set[str]:
        """The operations that answered 2xx at least once."""
        return {label for label, status in self.answers if 200 <= status < 300}

    def cases(self, label: str, mode: GenerationMode, count: int, chance: int) -> list[Case]:
        """``count`` cases of an operation at most, made up from the seed ``chance``.

        Not in a thread: Hypothesis watches the global `random`, which the rest of the process uses.
        """
        made: list[Case] = []

        @seed(chance)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given_cases(case=self.by_label[label].as_strategy(generation_mode=mode))
        def collect(case: Case) -> None:
            made.append(case)

        try:
            collect()
        except Unsatisfiable:  # nothing can be wrong with a request that has no parameter and no body
            assert mode is GenerationMode.NEGATIVE
        return made


def sendable(case: Case, base_url: str) -> httpx.Request:
    """The case as the request that requests would send."""
    wanted = {"method", "url", "headers", "params", "data", "json", "cookies", "files"}
    arguments = case.as_transport_kwargs(base_url=base_url)
    ready = Request(**{name: value for name, value in arguments.items() if name in wanted}).prepare()
    headers = [(_bytes(name), _bytes(value)) for name, value in ready.headers.items()]
    return httpx.Request(
        str(ready.method), str(ready.url), headers=headers, content=cast("bytes | None", ready.body)
    )


def _bytes(text: str | bytes) -> bytes:
    """As a header may be sent at all: no space around it."""
    return (text if isinstance(text, bytes) else text.encode("latin-1", "replace")).strip()
