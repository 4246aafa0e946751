"""Files by which phones know the apps that open `/r/{code}` themselves, without a request here.

Their format: https://developer.apple.com/documentation/xcode/supporting-associated-domains and
https://developer.android.com/training/app-links/configure-assetlinks.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from reftrail.collector.app_ids import AndroidApp, parse_android_app, parse_ios_app
from reftrail.collector.settings import CollectorSettings
from reftrail.contracts.installation import listed
from reftrail.edge.http_errors import RequestRefused
from reftrail.hosting.json_answer import json_answer
from reftrail.hosting.routes import OPEN, Endpoint


def endpoints(settings: CollectorSettings) -> list[Endpoint]:
    """The rows of the table."""
    ios = [parse_ios_app(text) for text in listed(settings.collector_ios_apps)]
    android = [parse_android_app(text) for text in listed(settings.collector_android_apps)]

    async def apple(_: Request) -> Response:
        return _file(_apple(ios) if ios else None, "REFTRAIL_COLLECTOR_IOS_APPS")

    async def google(_: Request) -> Response:
        return _file(_google(android) if android else None, "REFTRAIL_COLLECTOR_ANDROID_APPS")

    return [
        Endpoint(
            "GET",
            "/.well-known/apple-app-site-association",
            apple,
            "The apps of iOS that open referral links.",
            OPEN,
            errors={404: "There are none."},
        ),
        Endpoint(
            "GET",
            "/.well-known/assetlinks.json",
            google,
            "The apps of Android that open referral links.",
            OPEN,
            errors={404: "There are none."},
        ),
    ]


def _file(content: Any, setting: str) -> Response:
    if content is None:
        raise RequestRefused(404, f"no app opens links of this host; set {setting}")
    return json_answer(content)


def _apple(apps: list[str]) -> dict[str, Any]:
    return {"applinks": {"details": [{"appIDs": apps, "components": [{"/": "/r/*"}]}]}}


def _google(apps: list[AndroidApp]) -> list[dict[str, Any]]:
    fingerprints: dict[str, list[str]] = {}
    for app in apps:
        fingerprints.setdefault(app.package, []).append(app.fingerprint)
    return [
        {
            "relation": ["delegate_permission/common.handle_all_urls"],
            "target": {
                "namespace": "android_app",
                "package_name": package,
                "sha256_cert_fingerprints": certificates,
            },
        }
        for package, certificates in fingerprints.items()
    ]
