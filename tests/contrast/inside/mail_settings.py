"""Django's settings for django-post_office: what its documents say to set, and nothing else.

DATABASE and POST_OFFICE come as JSON, the server's port as SMTP_PORT, all by the environment.
"""

import json
import os

SECRET_KEY = "of a test"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "post_office"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
DATABASES = {"default": json.loads(os.environ["DATABASE"])}
EMAIL_BACKEND = "post_office.EmailBackend"
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ["SMTP_PORT"])
DEFAULT_FROM_EMAIL = "news@acme.example"
POST_OFFICE = json.loads(os.environ["POST_OFFICE"])
