"""Settings of the test process: a data directory of its own, plain static files, a quick password hash."""

import os
import tempfile

# Before the real settings are read; a variable that the caller set wins.
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="switchgear-test-"))
os.environ.setdefault("PLAIN_HTTP", "1")
os.environ.setdefault("LOGIN_THROTTLE", "0")
os.environ.setdefault("LOG_LEVEL", "WARNING")

# No test speaks to an account of whoever runs it.
os.environ |= dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ROLES"), "")

from controlplane.settings import *

STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
