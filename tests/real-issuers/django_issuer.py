"""django-oauth-toolkit on a loopback socket, with one user, one client and one resource server."""

import secrets
import sys
import tempfile
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.conf import settings

with tempfile.NamedTemporaryFile(suffix=".sqlite3") as database:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database.name}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": 300,
            "PKCE_REQUIRED": False,
            "SCOPES": {"introspection": "ask", "orders:read": "read", "orders:write": "write"},
        },
        ROOT_URLCONF=__name__,
        SECRET_KEY=secrets.token_hex(32),
        USE_TZ=True,
    )
    django.setup()

    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.urls import include, path
    from oauth2_provider.models import get_application_model

    urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]

    call_command("migrate", verbosity=0)
    alice = get_user_model().objects.create_user("alice", password="wonderland")
    applications = get_application_model()
    for client_id, client_secret, grant in [
        ("nightly-report", "a secret of the test alone", applications.GRANT_CLIENT_CREDENTIALS),
        ("orders-api", "another: with spaces and a colon", applications.GRANT_CLIENT_CREDENTIALS),
        ("portal", "a third one", applications.GRANT_PASSWORD),
    ]:
        applications.objects.create(
            authorization_grant_type=grant,
            client_id=client_id,
            client_secret=client_secret,
            client_type=applications.CLIENT_CONFIDENTIAL,
            name=client_id,
            user=alice,
        )

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    with make_server("127.0.0.1", 0, get_wsgi_application(), Server, Quiet) as server:
        print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)
