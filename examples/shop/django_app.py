"""Referrals in Django: a project in one file, for `python django_app.py runserver`."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from reftrail.client import Reftrail

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only-for-this-example"),
)
reftrail = Reftrail(os.environ["REFTRAIL_ENDPOINT"], os.environ["REFTRAIL_SECRET_KEY"])


def signup(request: HttpRequest) -> JsonResponse:
    """Make a user, and report it; `reftrail.attach(form)` fills in the visitor."""
    user = request.POST["user"]
    reftrail.signup(
        user,
        visitor_id=request.POST.get("reftrail_visitor_id") or None,
        code=request.POST.get("code") or None,
    )
    return JsonResponse({"user": user}, status=201)


def paid(request: HttpRequest, order_id: str) -> JsonResponse:
    """Answer the payment provider, who may call again: an order counts once."""
    reftrail.purchase(request.POST["user"], order_id, request.POST["amount"], "EUR")
    return JsonResponse({"order": order_id})


urlpatterns = [path("signup", signup), path("orders/<str:order_id>/paid", paid)]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
