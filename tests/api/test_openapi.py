"""``/openapi.json``: complete enough that an integrator needs nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from refi import runtime, settings
from refi.api.app import create_app
from tests.api.contract import operations
from tests.given import LIVE_MESSAGES, Service

KEYLESS = ("/v1/auth/", "/staff/v1/auth/", "/v1/quotes", "/v1/opt-out/", "/hooks/", "/sandbox/")
CLAIM = "POST /staff/v1/reviews/next"  # claims a lease; claiming again is harmless


def documented(**changed: Any) -> dict[str, Any]:
    chosen = settings.read(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/none", **changed)
    return create_app(runtime.build(chosen)).openapi()


DOCUMENT = documented()
OPERATIONS = operations(DOCUMENT)
EACH = pytest.mark.parametrize("label", sorted(OPERATIONS))


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found = DOCUMENT["components"]["schemas"]
    return found[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def body_of(operation: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of the JSON body; that of its value where the body may be left out."""
    if "application/json" not in operation.get("requestBody", {}).get("content", {}):
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    some = [each for each in schema.get("anyOf", [schema]) if each != {"type": "null"}]
    return resolved(some[0])


def leaves(schema: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every scalar of a body, with its pointer."""
    schema = resolved(schema)
    if "properties" in schema:
        return [
            leaf for name, each in schema["properties"].items() for leaf in leaves(each, f"{path}/{name}")
        ]
    if "items" in schema:
        return leaves({**schema["items"], **_shared(schema)}, f"{path}/0")
    if "anyOf" in schema:
        some = [each for each in schema["anyOf"] if each != {"type": "null"}]
        return [leaf for each in some for leaf in leaves({**each, **_shared(schema)}, path)]
    return [(path, schema)]


def _shared(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in ("examples", "description") if name in schema}


def explained(schema: dict[str, Any]) -> bool:
    """Whether a reader sees what may stand there."""
    return schema.get("type") == "boolean" or any(
        name in schema for name in ("enum", "const", "examples", "description")
    )


async def test_it_is_served(service: Service) -> None:
    answer = await service.get("/openapi.json")
    assert (answer.status_code, answer.json()) == (200, DOCUMENT)
    assert (await service.get("/docs")).status_code == 200


def test_it_is_openapi_3_1_and_describes_itself() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["info"]["title"] == "refi"
    assert DOCUMENT["info"]["license"]["identifier"] == "Apache-2.0"
    assert "Idempotency-Key" in DOCUMENT["info"]["description"]
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_every_tag_is_described() -> None:
    used = {tag for operation in OPERATIONS.values() for tag in operation["tags"]}
    assert {tag["name"] for tag in DOCUMENT["tags"]} == used
    assert all(tag["description"] for tag in DOCUMENT["tags"])


def test_nothing_of_the_sandbox_in_live() -> None:
    secret, key = "a-secret-that-nobody-published-0123456789", "bGl2ZS1kYXRhLWtleS1mb3ItYS10ZXN0LTAwMDAwMDA="
    live = documented(
        env="live",
        token_secret=secret,
        data_keys=key,
        index_key=secret,
        webhook_secrets=f"whsec_{key}",
        provider_key=secret,
        provider_url="https://provider.example",
        **LIVE_MESSAGES,
    )
    assert {path for path in DOCUMENT["paths"] if path not in live["paths"]} == {
        path for path in DOCUMENT["paths"] if path.startswith("/sandbox/")
    }


@EACH
def test_an_operation_is_told_in_words(label: str) -> None:
    operation = OPERATIONS[label]
    assert operation["summary"]
    assert len(operation["description"]) > 8
    assert len(operation["tags"]) == 1
    assert all(each.get("description") for each in operation.get("parameters", []))


@EACH
def test_a_protected_operation_says_so(label: str) -> None:
    path = label.split(" ")[1]
    open_to_all = path.startswith(("/livez", "/readyz", "/metrics", *KEYLESS))
    operation = OPERATIONS[label]
    if path == "/v1/quotes":  # free numbers need no sign-in, a statement does
        assert operation["security"] == [{}, {"bearer": []}]
    else:
        assert operation.get("security") == (None if open_to_all else [{"bearer": []}])
    assert ("401" in operation["responses"]) == (
        not open_to_all or "/auth/" in path or path.startswith(("/hooks/", "/v1/quotes"))
    )


@EACH
def test_a_post_that_changes_something_takes_a_key(label: str) -> None:
    method, path = label.split(" ")
    named = {each["name"]: each for each in OPERATIONS[label].get("parameters", [])}
    expected = method == "POST" and not path.startswith(KEYLESS) and label != CLAIM
    assert ("Idempotency-Key" in named) == expected
    if expected:
        assert named["Idempotency-Key"]["required"]
        assert {"400", "409", "422"} <= OPERATIONS[label]["responses"].keys()


@EACH
def test_refusals_are_documented_as_problems(label: str) -> None:
    operation = OPERATIONS[label]
    refusals = {status: said for status, said in operation["responses"].items() if status >= "400"}
    for status, said in refusals.items():
        content = said["content"]
        assert list(content) == ["application/problem+json"], (status, content)
        assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    needed = {"503"} if operation["tags"] != ["health"] else set()
    if body_of(operation) is not None and operation["tags"] != ["webhooks"]:  # read raw: the signature judges
        needed |= {"400", "413", "415", "422"}
    if "{" in label and "{purpose}" not in label:
        needed |= {"404"}
    assert needed <= refusals.keys()
    if label.startswith("GET "):
        assert not {"400", "413", "415"} & refusals.keys()


@EACH
def test_a_success_is_documented_with_its_shape(label: str) -> None:
    found = {status: said for status, said in OPERATIONS[label]["responses"].items() if status < "300"}
    assert found
    for said in found.values():
        assert all(content.get("schema") for content in said["content"].values())


@EACH
def test_a_body_is_closed_and_explained(label: str) -> None:
    schema = body_of(OPERATIONS[label])
    if schema is None or OPERATIONS[label]["tags"] == ["webhooks"]:
        return
    assert schema["additionalProperties"] is False
    assert schema["description"]
    dumb = [path for path, leaf in leaves(schema) if not explained(leaf)]
    assert not dumb, f"neither example, values nor words: {dumb}"


def test_no_amount_is_a_float_or_a_string() -> None:
    named = {"amount", "principal", "interest", "fee", "penalty", "statement_balance", "minimum_payment"}
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, each in schema.get("properties", {}).items():
            if field in named:
                types = {each.get("type"), *(some.get("type") for some in each.get("anyOf", []))}
                assert types <= {None, "integer", "null"}, f"{name}.{field} is {each}"
        assert {"type": "number"} not in [*schema.get("properties", {}).values()], name
