"""Access tokens: short-lived signed JWTs, believed until they expire; nothing secret is in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from refi.db.work import Actor
from refi.errors import Refusal

ALGORITHM = "HS256"


class Unauthenticated(Refusal):
    """No valid sign-in came with the request (401)."""

    code = "unauthenticated"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Signs and reads access tokens with one secret."""

    secret: str
    life: timedelta

    def issue(self, actor: Actor, now: datetime) -> str:
        """A token for ``actor``, valid for `life` from the wall-clock instant ``now``."""
        claims = {
            "sub": actor.id,
            "kind": actor.kind,
            "roles": sorted(actor.roles),
            "iat": int(now.timestamp()),
            "exp": int((now + self.life).timestamp()),
        }
        return jwt.encode(claims, self.secret, algorithm=ALGORITHM)

    def read(self, authorization: str | None, kind: str) -> Actor:
        """The actor of an ``Authorization: Bearer …`` header; `Unauthenticated` unless a valid ``kind``."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("send Authorization: Bearer <access_token>")
        try:
            claims = jwt.decode(
                token.strip(),
                self.secret,
                algorithms=[ALGORITHM],
                options={"require": ["sub", "exp", "kind"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated("the access token is not valid or has expired") from error
        if claims["kind"] != kind:
            raise Unauthenticated(f"this is not a {kind}'s token")
        return Actor(kind, claims["sub"], frozenset(claims.get("roles", ())))
