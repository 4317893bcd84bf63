"""`python -m helpdesk_site.prepare`: makes the schema, a queue and a token; prints them as JSON."""

import json
import sys

import django
from django.core.management import call_command

if __name__ == "__main__":
    django.setup()
    call_command("migrate", verbosity=0)

    # Models can be imported only now.
    from django.contrib.auth import get_user_model
    from helpdesk.models import Queue
    from rest_framework.authtoken.models import Token

    user = get_user_model().objects.create_superuser("bench", "bench@example.com", "bench")
    queue = Queue.objects.create(title="Network", slug="network")
    token = Token.objects.create(user=user)
    json.dump({"token": token.key, "queue": queue.pk}, sys.stdout)
