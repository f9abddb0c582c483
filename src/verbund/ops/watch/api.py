"""HTTP of the operator's view: /metrics, for who asks from this machine or shows the token. Nobody else hears of it."""

import hmac
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from prometheus_client import CONTENT_TYPE_LATEST

from verbund.base.refusal import Unknown
from verbund.base.settings import Settings
from verbund.ops.watch.metrics import text

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
Authorization = Annotated[str, HeaderParameter(name="authorization")]


@get("/metrics", include_in_schema=False, media_type=MediaType.TEXT)
async def metrics(
    request: Request[Any, Any, Any], services: NamedDependency[Any], authorization: Authorization = ""
) -> Response[bytes]:
    """How everything stands, in Prometheus's text format."""
    host = request.client.host if request.client is not None else ""
    if not may_look(services.settings, host, authorization):
        raise Unknown()
    watch = services.parts["watch"]
    found = text(await watch.picture(), watch.alarms.raised.values(), watch.commits)
    return Response(found, media_type=CONTENT_TYPE_LATEST, headers={"cache-control": "no-store"})


def may_look(settings: Settings, host: str, authorization: str) -> bool:
    """Whether somebody at this address with this header may see the numbers."""
    if settings.metrics == "loopback":
        return host in LOOPBACK
    wanted = f"Bearer {settings.metrics_token}"
    return settings.metrics == "token" and hmac.compare_digest(authorization.encode(), wanted.encode())


ROUTES = [metrics]
