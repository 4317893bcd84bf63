"""A small Django project around django-helpdesk. Run by an environment of its own, not by ours."""
