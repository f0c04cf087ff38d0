"""Every setting of Switchgear, read from the environment; nonsense is refused with the variable named."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from controlplane.kernel import logs
from controlplane.supervisor import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _flag(name: str, default: bool) -> bool:
    text = env.str(name, default="1" if default else "0").strip().lower()
    if text not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise ImproperlyConfigured(f"{name}={text!r}: use 1 or 0.")
    return text in {"1", "true", "yes", "on"}


def _number(name: str, default: int, least: int, most: int) -> int:
    text = env.str(name, default=str(default)).strip()
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise ImproperlyConfigured(f"{name}={text!r}: use a whole number from {least} to {most}.")
    return value


def _words(name: str, default: str) -> list[str]:
    return [word.strip() for word in env.str(name, default=default).split(",") if word.strip()]


def _url(name: str, default: str, schemes: set[str]) -> str:
    url = env.str(name, default=default).strip()
    if urlsplit(url).scheme not in schemes:
        raise ImproperlyConfigured(f"{name}={url!r}: use a URL that begins with {' or '.join(sorted(schemes))}.")
    return url


def _roles(name: str) -> list[str]:
    """Roles by which other accounts are entered, at most one for each account."""
    roles = _words(name, "")
    for role in roles:
        if not re.fullmatch(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", role):
            raise ImproperlyConfigured(f"{name}: {role!r} is no role; write arn:aws:iam::123456789012:role/switchgear.")
    accounts = [role.split(":")[4] for role in roles]
    if len(set(accounts)) < len(accounts):
        raise ImproperlyConfigured(f"{name}: name one role for each account.")
    return roles


def _secret_key() -> str:
    """SECRET_KEY from the environment, else the one made at first start and kept in DATA_DIR."""
    given = env.str("SECRET_KEY", default="")
    if given:
        return given
    kept = DATA_DIR / "secret-key"
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            # Written aside and linked into place: of two processes that start at once, one wins and none reads half.
            draft = DATA_DIR / f"secret-key.{os.getpid()}"
            draft.write_text(secrets.token_urlsafe(64))
            draft.chmod(0o600)
            try:
                kept.hardlink_to(draft)
            except FileExistsError:
                pass
            draft.unlink()
        return kept.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR={str(DATA_DIR)!r} cannot hold the secret key: {error}.") from error


# Processes and places -------------------------------------------------------------------------------------------------

DEBUG = _flag("DEBUG", False)
DATA_DIR = (BASE_DIR / Path(env.str("DATA_DIR", default=".data")).expanduser()).resolve()
LAST_GOOD = DATA_DIR / "last-good.json"
DEMO_KEY = DATA_DIR / "demo-key"  # API key of the demo's partner
SECRET_KEY = _secret_key()
SECRETS_KEY = tuple(_words("SECRETS_KEY", ""))  # the first seals what is kept encrypted; all of them reveal
if any(len(key) < 16 for key in SECRETS_KEY):
    raise ImproperlyConfigured("SECRETS_KEY: each key of the list has at least 16 characters.")
BIND_HOST = env.str("BIND_HOST", default="127.0.0.1")
CONTROL_PORT = _number("CONTROL_PORT", 8000, 0, 65535)
FRONTDOOR_PORT = _number("FRONTDOOR_PORT", 8080, 0, 65535)
# Where browsers reach the front door, when that is not this host and FRONTDOOR_PORT.
PUBLIC_FRONTDOOR_URL = env.str("PUBLIC_FRONTDOOR_URL", default="").rstrip("/")
FRONTDOOR_WORKERS = _number("FRONTDOOR_WORKERS", 1, 1, 256)
DEMO = _flag("DEMO", True)
RANGE_PORT = _number("RANGE_PORT", 8090, 1, 65527)  # the demo's downstreams take the eight ports after it
LOG_JSON = _flag("LOG_JSON", not DEBUG)
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured(f"LOG_LEVEL={LOG_LEVEL!r}: use DEBUG, INFO, WARNING or ERROR.")

# Data plane -----------------------------------------------------------------------------------------------------------

VALKEY_URL = _url("REDIS_URL", embedded.url(DATA_DIR), {"redis", "rediss"})
KEY_PREFIX = env.str("KEY_PREFIX", default="sg")
if not KEY_PREFIX.isalnum():
    raise ImproperlyConfigured(f"KEY_PREFIX={KEY_PREFIX!r}: use letters and digits only; braces and colons mark keys.")
ALLOW_PRIVATE_ADDRESSES = _flag("ALLOW_PRIVATE_ADDRESSES", True)
ALLOW_LINK_LOCAL = _flag("ALLOW_LINK_LOCAL", False)
MAX_BODY_BYTES = _number("MAX_BODY_BYTES", 10 * 1024 * 1024, 1024, 1024**3)
WORKFLOW_PAYLOAD_BYTES = _number("WORKFLOW_PAYLOAD_BYTES", 256 * 1024, 1024, 64 * 1024**2)
DELAY_MIN_ON_S = _number("DELAY_MIN_ON_S", 5, 0, 3600)
CORS_ALLOWED_ORIGINS = _words("CORS_ALLOWED_ORIGINS", "*")

# AWS: spoken to when a region is set. Credentials come from where boto3 looks for them. -----------------------------

AWS_REGION = env.str("AWS_REGION", default="") or env.str("AWS_DEFAULT_REGION", default="")
AWS_CONFIGURED = bool(AWS_REGION)
AWS_ENDPOINT_URL = env.str("AWS_ENDPOINT_URL", default="")  # an emulator's, or a VPC endpoint's
if AWS_ENDPOINT_URL:
    AWS_ENDPOINT_URL = _url("AWS_ENDPOINT_URL", "", {"http", "https"})
AWS_ROLES = _roles("AWS_ROLES")
AWS_EXTERNAL_ID = env.str("AWS_EXTERNAL_ID", default="")
# Where the delay flag is mirrored, a parameter for each journey below it; empty: nowhere.
AWS_MIRROR_PREFIX = env.str("AWS_MIRROR_PREFIX", default="/switchgear/delay").rstrip("/")
if AWS_MIRROR_PREFIX and not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", AWS_MIRROR_PREFIX):
    raise ImproperlyConfigured(f"AWS_MIRROR_PREFIX={AWS_MIRROR_PREFIX!r}: write a path such as /switchgear/delay.")

# Durable executions ---------------------------------------------------------------------------------------------------

SAGA_CONCURRENCY = _number("SAGA_CONCURRENCY", 200, 1, 10_000)  # executions that one worker carries at a time
SAGA_LEASE_S = _number("SAGA_LEASE_S", 5, 1, 300)  # after so long without a word, others take over from a worker
EXECUTIONS_KEPT_DAYS = _number("EXECUTIONS_KEPT_DAYS", 90, 1, 3650)

# Seams: what is gathered from the floors above is named by dotted path; controlplane/checks.py checks each. -----------

CONFIG_COMPILERS = [
    "controlplane.access.compiling.pieces",
    "breakers.compiling.pieces",
    "compositions.compiling.pieces",
]
PROBE_SOURCES = ["compositions.probing.real_intents", "breakers.probing.synthetic"]
DELAY_SOURCES = ["compositions.delays.pipes"]
IMPACT_SOURCES = ["compositions.impact.routes", "compositions.impact.compositions", "compositions.impact.pipes"]
ROUTE_SOURCES = ["compositions.facts.routes"]
HEALTH_SOURCES = [
    "breakers.health.limits",
    "controlplane.aws.health.held",
    "compositions.health.flow",
    "compositions.intake.queues.health",
]
AWS_PUBLISHERS = ["breakers.actions.publishing.wants", "breakers.delays.mirror.wants"]
ACTION_SUBJECTS = [
    "breakers.actions.levels.CIRCUIT",
    "breakers.actions.levels.JOURNEY",
    "compositions.pipe_levels.PIPE",
]
METRIC_SOURCES = [
    "controlplane.aws.health.families",
    "breakers.metrics.families",
    "breakers.usage.families",
    "compositions.health.families",
    "compositions.sagas.families",
]
DASHBOARD_PANELS = [
    "breakers.panels.opening.Opening",
    "compositions.panels.flow.Flow",
    "breakers.panels.circuits.Circuits",
    "breakers.panels.workers.Workers",
]
APP_URLS = ["breakers.urls", "compositions.urls"]
API_ROUTES = [
    "breakers.api.routes",
    "compositions.api.routes",
    "compositions.api.compositions",
    "compositions.api.versions",
    "compositions.api.exchange",
    "compositions.api.runs",
    "compositions.api.translations",
    "compositions.api.pipes",
    "compositions.api.executions",
    "compositions.api.tasks",
]
PROBLEM_MODULES = [
    "controlplane.kernel.errors",
    "controlplane.aws.errors",
    "breakers.guard.errors",
    "breakers.admission.errors",
    "compositions.errors",
    "compositions.frontdoor.answers",
    "compositions.frontdoor.circuits",
    "compositions.intake.errors",
]
FRONTDOOR_APP = "compositions.frontdoor.app:app"
DEMO_SERVER = "compositions.practice_range.server"  # run as a module
DEMO_SEED = "compositions.practice_range.seed.seed"
BEAT_SCHEDULES = ["controlplane.schedule.ENTRIES", "breakers.schedule.ENTRIES", "compositions.schedule.ENTRIES"]
NAVIGATION = [
    ("Board", "/"),
    (
        "Journeys",
        [
            ("Journeys", "/journeys/"),
            ("Pipes", "/pipes/"),
            ("Executions", "/executions/"),
            ("Actions", "/actions/"),
        ],
    ),
    ("Inbox", "/tasks/"),
    ("Routes", [("Routes", "/routes/"), ("Compositions", "/compositions/"), ("Kept answers", "/kept/")]),
    (
        "Access",
        [
            ("Plans", "/plans/"),
            ("Consumers", "/consumers/"),
            ("Keys", "/keys/"),
            ("Throttles", "/throttles/"),
            ("Stages", "/stages/"),
            ("Rules", "/rules/"),
            ("Capacity", "/capacity/"),
        ],
    ),
    ("Audit", "/audit/"),
    ("Admin", "/admin/"),
    ("API docs", "/api/docs/"),
]

# The back office's index: groups, and in each the models by label. What is named nowhere is shown last.
BACKOFFICE_INDEX = [
    (
        "Targets",
        [
            "breakers.target",
            "breakers.journey",
            "breakers.action",
            "breakers.alarmsource",
            "breakers.override",
            "breakers.journeydelay",
        ],
    ),
    (
        "Access and limits",
        [
            "breakers.stage",
            "breakers.usageplan",
            "breakers.consumer",
            "breakers.apikey",
            "breakers.throttle",
            "breakers.requestrule",
            "breakers.quotaledger",
        ],
    ),
    (
        "Delivery",
        [
            "compositions.route",
            "compositions.composition",
            "compositions.pipe",
            "config.confighead",
            "config.configversion",
            "config.configpiece",
        ],
    ),
    (
        "Record",
        [
            "audit.auditentry",
            "audit.auditchain",
            "config.revision",
            "compositions.compositionversion",
            "compositions.intent",
            "compositions.pipelease",
            "compositions.execution",
            "compositions.tasktoken",
            "compositions.compositionrun",
            "compositions.runminute",
            "compositions.bulkrun",
            "compositions.savedview",
            "compositions.sagaworker",
            "breakers.transition",
            "breakers.delayperiod",
            "breakers.proberun",
            "breakers.usagecount",
            "breakers.rulecount",
            "breakers.alarmmessage",
            "aws.holding",
            "aws.awscall",
        ],
    ),
    (
        "People",
        [
            "auth.user",
            "auth.group",
            "access.apitoken",
            "sessions.session",
            "axes.accesslog",
            "axes.accessattempt",
            "axes.accessfailurelog",
        ],
    ),
]

# Django ---------------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "controlplane.dashboard.apps.BackOffice",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "axes",
    "controlplane",
    "controlplane.config",
    "controlplane.audit",
    "controlplane.access",
    "controlplane.aws",
    "controlplane.dashboard",
    "breakers",
    "compositions",
]

MIDDLEWARE = [
    "controlplane.kernel.logs.RequestLog",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.dashboard.context.shell",
            ]
        },
    }
]

ROOT_URLCONF = "controlplane.urls"
WSGI_APPLICATION = "controlplane.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
SILENCED_SYSTEM_CHECKS: list[str] = []

# Database -------------------------------------------------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", default="") or f"sqlite:///{DATA_DIR / 'switchgear.sqlite3'}"
if urlsplit(DATABASE_URL).scheme not in {"sqlite", "postgres", "postgresql"}:
    raise ImproperlyConfigured("DATABASE_URL: use sqlite:///path or postgresql://user:password@host:port/name.")
_database: dict[str, Any] = env.db_url_config(DATABASE_URL)
if _database["ENGINE"].endswith("sqlite3"):
    # WAL with IMMEDIATE transactions: writers queue instead of failing; FULL: an accepted row survives a power cut.
    _database["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
    _database["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    _database["CONN_MAX_AGE"] = 60
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {"connect_timeout": 3, **_database.get("OPTIONS", {})}
DATABASES = {"default": _database}

# Static files ---------------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# Security: strict outside DEBUG. PLAIN_HTTP=1 is for a listener on loopback without TLS in front; `make up` sets it
# there. BEHIND_TLS_PROXY=1 trusts X-Forwarded-Proto from a proxy that always sets it. ---------------------------------

PLAIN_HTTP = _flag("PLAIN_HTTP", DEBUG)
BEHIND_TLS_PROXY = _flag("BEHIND_TLS_PROXY", False)
if PLAIN_HTTP and BEHIND_TLS_PROXY:
    raise ImproperlyConfigured("PLAIN_HTTP=1 and BEHIND_TLS_PROXY=1 contradict each other: set one of them.")
ALLOWED_HOSTS = _words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _words("TRUSTED_ORIGINS", "")
SECURE_SSL_REDIRECT = not PLAIN_HTTP
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS_PROXY else None
SECURE_HSTS_SECONDS = 0 if PLAIN_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not PLAIN_HTTP
SECURE_HSTS_PRELOAD = not PLAIN_HTTP
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not PLAIN_HTTP
SESSION_COOKIE_AGE = _number("SESSION_HOURS", 12, 1, 24 * 30) * 3600
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = "controlplane.dashboard.errors.csrf_failure"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_ENABLED = _flag("LOGIN_THROTTLE", True)
AXES_FAILURE_LIMIT = _number("LOGIN_ATTEMPTS", 5, 1, 1000)
AXES_COOLOFF_TIME = _number("LOGIN_COOLOFF_MINUTES", 15, 1, 24 * 60) / 60
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "controlplane.access.views.locked_out"
AXES_CLIENT_IP_CALLABLE = "controlplane.access.views.client_address"
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # its rows are shown by ours, which asks for acts and shows nothing that was posted

# REST -----------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "controlplane.access.authentication.Bearer",
        "controlplane.access.authentication.Session",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["controlplane.kernel.rest.MayAct"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.kernel.rest.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "controlplane.kernel.rest.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "controlplane.kernel.rest.on_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Switchgear",
    "DESCRIPTION": (
        "Targets, circuit breakers, journeys, stages, routes, compositions, pipes, usage plans, consumers and their "
        "API keys, throttles and request rules of this control plane. Errors are RFC 9457."
    ),
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "FindingSeverityEnum": "breakers.core.capacity.SEVERITIES",
        "LimitOnStoreErrorEnum": "breakers.models.stages.LimitOnStoreError",
        "CompositionTypeEnum": "compositions.documents.compositions.TYPES",
        "ReviewSeverityEnum": "compositions.review.SEVERITIES",
        "PipeStateEnum": "compositions.models.pipes.RunState",
        "SeverityEnum": "breakers.models.delays.Severity",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "controlplane.kernel.schema.with_problems",
    ],
}

# Celery: operations and executions apart; one hash tag for the broker's keys. -----------------------------------------

CELERY = {
    "broker_url": VALKEY_URL,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # a worker has more to do than to listen to the broker
    "broker_transport_options": {"global_keyprefix": f"{{{KEY_PREFIX}q}}:", "socket_connect_timeout": 2},
    "task_ignore_result": True,
    "result_expires": None,
    "task_default_queue": "ops",
    "imports": ["compositions.engine.standard.hosting"],
    "task_serializer": "json",
    "accept_content": ["json"],
    "timezone": "UTC",
    "worker_hijack_root_logger": False,
    "worker_prefetch_multiplier": 1,
    "beat_max_loop_interval": 1,
    "redbeat_redis_url": VALKEY_URL,
    "redbeat_redis_options": {},
    "redbeat_key_prefix": f"{{{KEY_PREFIX}q}}:redbeat:",
    "redbeat_lock_timeout": 5,
}

LOGGING = logs.configuration(as_json=LOG_JSON, level=LOG_LEVEL)
