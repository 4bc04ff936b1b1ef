"""Signing in at an OpenID Connect provider: authorization code with PKCE (RFC 7636), state and nonce. Extra `[oidc]`.

    address, sealed = await provider.begin("https://us/api/v1/auth/oidc/callback")     # the browser goes there
    person = await provider.finish(sealed, code=…, state=…)                            # and comes back with both

What has to be remembered in between travels in a sealed cookie of the browser that began, so nobody else's code fits.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from softswitch.access.outside import Away, Person, check_mapping, login_of, role_of
from softswitch.config.settings import OidcSettings
from softswitch.directory.secrets import Cipher
from softswitch.model.clock import Clock
from softswitch.model.errors import Forbidden

log = structlog.get_logger("oidc")
BEGUN_SECONDS = 600.0
KEYS_SECONDS = 3600.0
LEEWAY = 60
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_PURPOSE = "oidc"


class OidcProvider:
    """Knows the provider's description and keys for an hour. `client` makes the HTTP client (tests give their own)."""

    def __init__(self, settings: OidcSettings, cipher: Cipher, clock: Clock, client: Callable[[], Any] | None = None) -> None:
        """Raises ValueError for settings that cannot work, ImportError without the extra."""
        check_mapping(settings.roles)
        if not settings.issuer.startswith(("https://", "http://localhost", "http://127.0.0.1")):
            raise ValueError(f'oidc.issuer: expected an https address, got "{settings.issuer}"')
        from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # noqa: PLC0415

        self.settings = settings
        self._cipher = cipher
        self._clock = clock
        self._oauth = AsyncOAuth2Client
        self._client = client or _http
        self._known: tuple[float, Mapping[str, Any], Any] | None = None

    async def begin(self, redirect: str) -> tuple[str, str]:
        """Where the browser has to go, and the sealed cookie it has to bring back. Raises Away."""
        description, _ = await self._provider()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        async with self._session(redirect) as oauth:
            address, _ = oauth.create_authorization_url(
                description["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        begun = {"state": state, "nonce": nonce, "verifier": verifier, "redirect": redirect, "at": self._clock.utc()}
        return str(address), self._cipher.seal(json.dumps(begun), _PURPOSE)

    async def finish(self, sealed: str, *, code: str, state: str) -> Person:
        """Who signed in. Raises Forbidden for anything that does not fit together, Away."""
        begun = self._opened(sealed)
        if not secrets.compare_digest(begun["state"].encode(), state.encode("utf-8", "surrogateescape")):
            raise Forbidden("This sign-in was begun elsewhere")
        description, keys = await self._provider()
        from authlib.integrations.base_client.errors import OAuthError  # type: ignore[import-untyped]  # noqa: PLC0415
        from httpx import HTTPError  # noqa: PLC0415 - an extra

        try:
            async with self._session(begun["redirect"]) as oauth:
                answer = await oauth.fetch_token(description["token_endpoint"], code=code, code_verifier=begun["verifier"])
        except OAuthError as error:
            raise Forbidden("The provider refuses the code") from error
        except (HTTPError, ValueError) as error:
            raise _away(error) from error
        claims = self._claims(str(answer.get("id_token", "")), keys, begun["nonce"])
        return self._person(claims)

    def _opened(self, sealed: str) -> dict[str, Any]:
        try:
            begun: dict[str, Any] = json.loads(self._cipher.open(sealed, _PURPOSE))
        except ValueError as error:
            raise Forbidden("This sign-in was not begun in this browser") from error
        if self._clock.utc() - begun["at"] > BEGUN_SECONDS:
            raise Forbidden("This sign-in took too long; begin again")
        return begun

    def _claims(self, token: str, keys: Any, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token (OpenID Connect Core §3.1.3.7)."""
        from joserfc import jwt  # noqa: PLC0415 - comes with the extra
        from joserfc.errors import JoseError  # noqa: PLC0415

        expected: dict[str, Any] = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client},
            "exp": {"essential": True}, "nonce": {"essential": True, "value": nonce}, "sub": {"essential": True},
        }  # fmt: skip
        try:
            found = jwt.decode(token, keys, algorithms=_ALGORITHMS)
            jwt.JWTClaimsRegistry(now=lambda: int(self._clock.utc()), leeway=LEEWAY, **expected).validate(found.claims)
        except (JoseError, ValueError) as error:
            self._known = None  # the keys may have been changed: ask again next time
            log.warning("! oidc token refused", error=type(error).__name__)
            raise Forbidden("The provider's answer cannot be trusted") from error
        audience = found.claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and found.claims.get("azp") != self.settings.client:
            raise Forbidden("The provider's answer is for somebody else")
        claims: Mapping[str, Any] = found.claims
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        groups = claims.get(self.settings.groups, [])
        login = login_of(str(claims.get(self.settings.login, "")))
        role = role_of([str(group) for group in groups] if isinstance(groups, list) else [str(groups)], self.settings.roles)
        mail = str(claims.get("email", "")) if claims.get("email_verified", True) else ""
        return Person(login, str(claims.get("name", "")) or login, role, mail)

    def _session(self, redirect: str) -> Any:
        settings = self.settings
        method = "client_secret_basic" if settings.secret else "none"
        return self._oauth(
            settings.client, settings.secret or None, scope=settings.scopes, redirect_uri=redirect,
            code_challenge_method="S256", token_endpoint_auth_method=method, timeout=10.0,
        )  # fmt: skip

    async def _provider(self) -> tuple[Mapping[str, Any], Any]:
        """Description and keys (OpenID Connect Discovery §4). Raises Away."""
        if self._known is not None and self._clock.now() - self._known[0] < KEYS_SECONDS:
            return self._known[1], self._known[2]
        from httpx import HTTPError  # noqa: PLC0415 - an extra
        from joserfc.errors import JoseError  # noqa: PLC0415 - comes with the extra
        from joserfc.jwk import KeySet  # noqa: PLC0415

        address = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            async with self._client() as client:
                description = (await client.get(address)).raise_for_status().json()
                keys = KeySet.import_key_set((await client.get(description["jwks_uri"])).raise_for_status().json())
        except (HTTPError, JoseError, ValueError, KeyError) as error:
            raise _away(error) from error
        if description.get("issuer") != self.settings.issuer:
            raise _away(ValueError(f"the provider calls itself {description.get('issuer')}"))
        self._known = (self._clock.now(), description, keys)
        return description, keys


def _away(error: Exception) -> Away:
    log.warning("! oidc provider", error=f"{type(error).__name__}: {error}")
    return Away("The OpenID provider cannot be asked now")


def _http() -> Any:
    from httpx import AsyncClient  # noqa: PLC0415 - an extra

    return AsyncClient(timeout=10.0, follow_redirects=False)
