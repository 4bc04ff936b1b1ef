"""The certificates of the listeners: what they are for and until when; new files are taken without a restart."""

from __future__ import annotations

from softswitch.access.rights import Permission
from softswitch.observe.certificates import Certificates
from web import shapes
from web.routing import Request, Route
from web.shapes import Shape


class CertificateItem(Shape):
    file: str
    names: list[str]
    until: str | None


class CertificateList(Shape):
    items: list[CertificateItem]


async def list_certificates(request: Request) -> CertificateList:
    held = request.services.part(Certificates).views()
    return CertificateList(
        items=[CertificateItem(file=each["file"], names=each["names"], until=shapes.time(each["until"])) for each in held]
    )


async def reload_certificates(request: Request) -> CertificateList:
    request.services.part(Certificates).reload()
    return await list_certificates(request)


ROUTES = (
    Route(method="GET", path="/certificates", handler=list_certificates, permission=Permission.STATUS, reply=CertificateList,
          summary="Certificates of the listeners"),
    Route(method="POST", path="/certificates/reload", handler=reload_certificates, permission=Permission.CONFIG,
          reply=CertificateList, summary="Take new certificate files without a restart"),
)  # fmt: skip
