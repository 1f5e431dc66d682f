"""What the provider's routes are given."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from refi.gateways.sandbox.courier import Provider


async def provider_of(request: Request) -> Provider:
    """Dependency: the provider this app is."""
    return cast("Provider", request.app.state.provider)


Here = Annotated[Provider, Depends(provider_of)]
