"""One page that depends on flags."""

from django.http import HttpResponse
from django.urls import path

from shop.apps import flags


def checkout(request):
    checkout = "new" if flags().get_bool("new-checkout") else "old"
    text = f"{flags().get_string('greeting', 'Hi')}, this is the {checkout} checkout.\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


urlpatterns = [path("", checkout)]
