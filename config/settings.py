"""Django's settings. Every choice an operator makes is an environment variable, listed in `.env.example`."""

import os
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse

from config.keys import generated_key

# Lets ModelAdmin[Campaign] and CharField[str, str] be written; Django's classes are generic only for the type checker.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Where this runs --------------------------------------------------------------------------------------------

ENVIRONMENT: str = env.str("BROADSHEET_ENVIRONMENT", "local")
if ENVIRONMENT not in {"local", "production"}:
    raise ImproperlyConfigured("BROADSHEET_ENVIRONMENT is either local or production.")
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.bool("DEBUG", False)
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)


def secret(name: str) -> str:
    """A secret from the environment; outside production one is made on first use and kept under VAR_DIR."""
    value: str = env.str(name, "")
    if value:
        return value
    if PRODUCTION:
        raise ImproperlyConfigured(f"Set {name}: production does not start with a generated key.")
    return generated_key(VAR_DIR / "keys", name)


SECRET_KEY = secret("SECRET_KEY")
# The first key signs, all verify: put a new key in front to rotate, and old mails keep working.
TRACKING_KEYS: list[str] = env.list("TRACKING_KEYS", default=[]) or [secret("TRACKING_KEY")]
# What has to be read again (secrets of webhooks) is encrypted: the first key encrypts, all decrypt.
ENCRYPTION_KEYS: list[str] = env.list("ENCRYPTION_KEYS", default=[]) or [SECRET_KEY]

ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
WEB_HOST: str = env.str("WEB_HOST", "127.0.0.1")
WEB_PORT: int = env.int("WEB_PORT", 8000)
WEB_WORKERS: int = env.int("WEB_WORKERS", 1)
WEB_THREADS: int = env.int("WEB_THREADS", min(8, 2 * (os.cpu_count() or 1) + 1))
# Where the links in mails point to, and how people reach the admin.
BASE_URL: str = env.str("BASE_URL", f"http://localhost:{WEB_PORT}").rstrip("/")

# --- Applications -----------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_celery_beat",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "taggit",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts",
    "tags",
    "audience",
    "content",
    "campaigns",
    "tracking",
    "delivery",
    "stats",
    "splittests",
    "webhooks",
    "api.management",
    "api.greenarrow",
    "api.octeth",
    "operations",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.csp.PolicyMiddleware",
    "accounts.admin.characters.NoNullCharacters",
    "accounts.admin.clock.LocalTime",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'broadsheet.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE takes the write lock at BEGIN, so that a transaction waits its turn instead of failing half-way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", env.int("DATABASE_CONN_MAX_AGE", 60))
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Accounts ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
ACCOUNT_ADAPTER = "config.login.Adapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Attempts from one address, and wrong passwords from one address and for one account.
ACCOUNT_RATE_LIMITS = {
    "login": env.str("LOGIN_ATTEMPTS", "30/m/ip"),
    "login_failed": env.str("LOGIN_FAILURES", "10/m/ip,5/5m/key"),
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Broadsheet"
# Where the limits above count. Several web processes share one count only in a cache they share, such as Redis.
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}

# --- Language, time, files --------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["config.formats"]
STATIC_URL = "static/"
# Only production collects; elsewhere files are served from where they are.
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "files"
WHITENOISE_USE_FINDERS = not PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Work queue -------------------------------------------------------------------------------------------------

CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", "folder://")
if CELERY_BROKER_URL.startswith("folder:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"folder": str(VAR_DIR / "queue"), "polling_interval": 0.05}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
# Kept in the database at the clock's start; a tick that nobody took in time is dropped, since the next does its work.
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "campaigns.start_due": {"task": "campaigns.start_due", "schedule": 5.0, "options": {"expire_seconds": 30}},
    "delivery.sweep": {"task": "delivery.sweep", "schedule": 10.0, "options": {"expire_seconds": 30}},
    "stats.ingest_spool": {"task": "stats.ingest_spool", "schedule": 2.0, "options": {"expire_seconds": 30}},
    "stats.fetch_bounces": {"task": "stats.fetch_bounces", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "stats.forget_strays": {"task": "stats.forget_strays", "schedule": 3600.0, "options": {"expire_seconds": 3600}},
    "stats.keep_months": {"task": "stats.keep_months", "schedule": 86400.0, "options": {"expire_seconds": 3600}},
    "stats.refresh_outcomes": {"task": "stats.refresh_outcomes", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "accounts.forget_expired_sessions": {
        "task": "accounts.forget_expired_sessions",
        "schedule": 86400.0,
        "options": {"expire_seconds": 3600},
    },
    "audience.sweep_confirmations": {
        "task": "audience.sweep_confirmations",
        "schedule": 60.0,
        "options": {"expire_seconds": 60},
    },
    "management_api.forget_answers": {
        "task": "management_api.forget_answers",
        "schedule": 3600.0,
        "options": {"expire_seconds": 3600},
    },
    "audience.sweep_list_removals": {
        "task": "audience.sweep_list_removals",
        "schedule": 60.0,
        "options": {"expire_seconds": 60},
    },
    "audience.forget_import_files": {
        "task": "audience.forget_import_files",
        "schedule": 3600.0,
        "options": {"expire_seconds": 3600},
    },
    "audience.sweep_imports": {"task": "audience.sweep_imports", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "splittests.go_on": {"task": "splittests.go_on", "schedule": 5.0, "options": {"expire_seconds": 30}},
    "webhooks.send": {"task": "webhooks.send", "schedule": 2.0, "options": {"expire_seconds": 30}},
    "webhooks.tell": {"task": "webhooks.tell", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "webhooks.thin": {"task": "webhooks.thin", "schedule": 3600.0, "options": {"expire_seconds": 3600}},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_QUEUE", "broadsheet")
if CELERY_BROKER_URL.startswith("amqp"):
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"  # delayed tasks wait in RabbitMQ instead of in a worker
    CELERY_WORKER_DETECT_QUORUM_QUEUES = True
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
# A campaign's batches wait in a queue of their own. A worker takes from both in turn, so that what the clock asks for
# (campaigns that are due, what came back) does not stand behind a hundred thousand recipients.
BATCH_QUEUE = f"{CELERY_TASK_DEFAULT_QUEUE}-batches"
# So do webhooks, which wait for other people's servers.
WEBHOOK_QUEUE = f"{CELERY_TASK_DEFAULT_QUEUE}-webhooks"
_QUEUE_KIND = {"queue_arguments": {"x-queue-type": "quorum"}} if CELERY_BROKER_URL.startswith("amqp") else {}
CELERY_TASK_QUEUES = {
    name: {"routing_key": name, **_QUEUE_KIND} for name in (CELERY_TASK_DEFAULT_QUEUE, BATCH_QUEUE, WEBHOOK_QUEUE)
}
CELERY_TASK_ROUTES = {"delivery.deliver_batch": {"queue": BATCH_QUEUE}, "webhooks.send": {"queue": WEBHOOK_QUEUE}}
WORKER_PROCESSES: int = env.int("WORKER_PROCESSES", 2)

# --- Mail and SMS out -------------------------------------------------------------------------------------------

INBOX_HOST: str = env.str("INBOX_HOST", "127.0.0.1")
INBOX_PORT: int = env.int("INBOX_PORT", 1025)
# The relay campaigns go through; the default is the built-in inbox, which never leaves this machine.
SMTP_HOST: str = env.str("SMTP_HOST", INBOX_HOST)
SMTP_PORT: int = env.int("SMTP_PORT", INBOX_PORT)
SMTP_USER: str = env.str("SMTP_USER", "")
SMTP_PASSWORD: str = env.str("SMTP_PASSWORD", "")
SMTP_SECURITY: str = env.str("SMTP_SECURITY", "none")
if SMTP_SECURITY not in {"none", "starttls", "tls"}:
    raise ImproperlyConfigured("SMTP_SECURITY is none, starttls or tls.")
SMTP_CONNECTIONS: int = env.int("SMTP_CONNECTIONS", 4)
SMTP_TIMEOUT: int = env.int("SMTP_TIMEOUT", 60)
SMTP_MESSAGES_PER_CONNECTION: int = env.int("SMTP_MESSAGES_PER_CONNECTION", 500)
# A star in it is replaced by a token that says whose message it was (VERP).
BOUNCE_ADDRESS: str = env.str("BOUNCE_ADDRESS", "")
if BOUNCE_ADDRESS.count("*") > 1 or "*" in BOUNCE_ADDRESS.rpartition("@")[2]:
    raise ImproperlyConfigured("BOUNCE_ADDRESS takes one star, before the @.")
if "*" in BOUNCE_ADDRESS and BOUNCE_ADDRESS.find("@") > 17:  # RFC 5321 section 4.5.3.1.1: 64, of which a token takes 48
    raise ImproperlyConfigured("BOUNCE_ADDRESS has more than 16 letters beside its star before the @.")
SMS_SENDER: str = env.str("SMS_SENDER", "Broadsheet")
# Notices to people who work here (approvals) take the same relay.
EMAIL_HOST, EMAIL_PORT = SMTP_HOST, SMTP_PORT
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = SMTP_USER, SMTP_PASSWORD
EMAIL_USE_TLS, EMAIL_USE_SSL = SMTP_SECURITY == "starttls", SMTP_SECURITY == "tls"
EMAIL_TIMEOUT = SMTP_TIMEOUT
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "Broadsheet <broadsheet@localhost>")

BATCH_SIZE: int = env.int("BATCH_SIZE", 1000)
MAX_ATTEMPTS: int = env.int("MAX_ATTEMPTS", 5)
RETRY_BASE_SECONDS: int = env.int("RETRY_BASE_SECONDS", 60)
LEASE_SECONDS: int = env.int("LEASE_SECONDS", 60)
LOST_WORKER_SECONDS: int = env.int("LOST_WORKER_SECONDS", 3600)
# R9 of the Octeth contract: a start missed by more than this fails with its reason instead of going out late.
MISSED_START_HOURS: int = env.int("MISSED_START_HOURS", 24)
# One start makes up for the occurrences of a recurring campaign that nobody was there for, if the last is no older.
CATCH_UP_MINUTES: int = env.int("CATCH_UP_MINUTES", 60)

# --- Tracking ---------------------------------------------------------------------------------------------------

SPOOL_DIR = VAR_DIR / "spool"
# A process begins a new spool file when its old one is this big or this old.
SPOOL_FILE_BYTES: int = env.int("SPOOL_FILE_BYTES", 16 * 1024 * 1024)
SPOOL_FILE_SECONDS: int = env.int("SPOOL_FILE_SECONDS", 300)
# Hits stored in one transaction.
INGEST_CHUNK: int = env.int("INGEST_CHUNK", 20_000)
# Whole months before this one whose raw hits are kept; 0 keeps all. The figures stay in any case.
EVENT_RETENTION_MONTHS: int = env.int("EVENT_RETENTION_MONTHS", 0)
# The name by which the pages that tracked links lead to are told who came, where a campaign tracks conversions.
CONVERSION_PARAMETER: str = env.str("CONVERSION_PARAMETER", "ocrid")
# What links of campaigns that name hosts for web analytics say as utm_source and utm_medium; empty leaves it out.
UTM_SOURCE: str = env.str("UTM_SOURCE", "Broadsheet")
UTM_MEDIUM: str = env.str("UTM_MEDIUM", "email")
# Posts a minute to a public form (unsubscribe), for one link and from one address. Mail providers post for many people
# from few addresses.
POSTS_PER_LINK: int = env.int("POSTS_PER_LINK", 30)
POSTS_PER_ADDRESS: int = env.int("POSTS_PER_ADDRESS", 1200)
# The same for the page on which people subscribe, where nobody posts for others.
SIGNUPS_PER_ADDRESS: int = env.int("SIGNUPS_PER_ADDRESS", 20)
# Whether search engines may list the public archive.
ARCHIVE_INDEXED: bool = env.bool("ARCHIVE_INDEXED", True)
# Copies that readers send to friends, in a day: through one mail's link, and from one address.
FORWARDS_PER_LINK: int = env.int("FORWARDS_PER_LINK", 5)
FORWARDS_PER_ADDRESS: int = env.int("FORWARDS_PER_ADDRESS", 50)
# Double opt-in: how long the link in the mail works, how soon somebody may get another such mail of the same list, and
# how many in thirty days.
CONFIRMATION_DAYS: int = env.int("CONFIRMATION_DAYS", 7)
CONFIRMATION_WAIT_HOURS: int = env.int("CONFIRMATION_WAIT_HOURS", 4)
CONFIRMATION_MAILS: int = env.int("CONFIRMATION_MAILS", 3)
# Telling people from programs: networks of scanners in front of one's own readers, a copy of Apple's list of relays
# (https://mask-api.icloud.com/egress-ip-ranges.csv), how soon after the message nobody can have followed a link, and
# how many links within how many seconds (10 at most) nobody follows. 0 turns either rule off.
SCANNER_NETWORKS: list[str] = env.list("SCANNER_NETWORKS", default=[])
RELAY_NETWORKS_FILE: str = env.str("RELAY_NETWORKS_FILE", "")
TOO_SOON_SECONDS: float = env.float("TOO_SOON_SECONDS", 2.0)
BURST_LINKS: int = env.int("BURST_LINKS", 3)
BURST_SECONDS: float = env.float("BURST_SECONDS", 2.0)
try:
    for network in SCANNER_NETWORKS:
        ip_network(network, strict=False)
except ValueError as wrong:
    raise ImproperlyConfigured(f"SCANNER_NETWORKS: {wrong}.") from wrong
if RELAY_NETWORKS_FILE and not Path(RELAY_NETWORKS_FILE).is_file():
    raise ImproperlyConfigured(f"RELAY_NETWORKS_FILE: there is no file {RELAY_NETWORKS_FILE}.")
if not 0 <= BURST_SECONDS <= 10:
    raise ImproperlyConfigured("BURST_SECONDS is between 0 and 10.")
# Whether mails carry a link that people cannot see, so that whoever follows it is a program.
HIDDEN_LINK: bool = env.bool("HIDDEN_LINK", True)
# --- What comes back: bounces, complaints, receipts (docs/bounces.md)
# A mailbox to read them from, and the folder to move them to; "" deletes them.
BOUNCE_IMAP_HOST: str = env.str("BOUNCE_IMAP_HOST", "")
BOUNCE_IMAP_PORT: int = env.int("BOUNCE_IMAP_PORT", 993)
BOUNCE_IMAP_SECURITY: str = env.str("BOUNCE_IMAP_SECURITY", "tls")
if BOUNCE_IMAP_SECURITY not in {"none", "starttls", "tls"}:
    raise ImproperlyConfigured("BOUNCE_IMAP_SECURITY is none, starttls or tls.")
BOUNCE_IMAP_USER: str = env.str("BOUNCE_IMAP_USER", "")
BOUNCE_IMAP_PASSWORD: str = env.str("BOUNCE_IMAP_PASSWORD", "")
BOUNCE_IMAP_FOLDER: str = env.str("BOUNCE_IMAP_FOLDER", "INBOX")
BOUNCE_IMAP_DONE_FOLDER: str = env.str("BOUNCE_IMAP_DONE_FOLDER", "")
# How old a message may be that a bounce without anything else is matched with by its address; 0 never does.
BOUNCE_MATCH_DAYS: int = env.int("BOUNCE_MATCH_DAYS", 0)
STRAY_MAIL_DAYS: int = env.int("STRAY_MAIL_DAYS", 30)
# The vendors' defaults: the third soft bounce in a row counts as a hard one (0: none ever does); who bounced for good
# or complained is suppressed in the whole system.
SOFT_BOUNCE_LIMIT: int = env.int("SOFT_BOUNCE_LIMIT", 3)
HARD_BOUNCE_SUPPRESSES: str = env.str("HARD_BOUNCE_SUPPRESSES", "system")
COMPLAINT_SUPPRESSES: str = env.str("COMPLAINT_SUPPRESSES", "system")
if {HARD_BOUNCE_SUPPRESSES, COMPLAINT_SUPPRESSES} - {"system", "organization", "nothing"}:
    raise ImproperlyConfigured("HARD_BOUNCE_SUPPRESSES and COMPLAINT_SUPPRESSES are system, organization or nothing.")
# Email service providers post to /esp/<provider>/tracking/ with this name and password, as `name:password`.
ESP_WEBHOOK_SECRET: str = env.str("ESP_WEBHOOK_SECRET", "")
if ESP_WEBHOOK_SECRET:
    if ":" not in ESP_WEBHOOK_SECRET or find_spec("anymail") is None:
        raise ImproperlyConfigured("ESP_WEBHOOK_SECRET is name:password, and needs the packages of the group esp.")
    INSTALLED_APPS.append("anymail")
    ANYMAIL = {"WEBHOOK_SECRET": ESP_WEBHOOK_SECRET}
# What an SMS gateway has to show that posts receipts and answers; without it there is no such address.
SMS_WEBHOOK_SECRET: str = env.str("SMS_WEBHOOK_SECRET", "")
SMS_STOP_WORDS: list[str] = env.list(
    "SMS_STOP_WORDS", default=["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"]
)
SMS_START_WORDS: list[str] = env.list("SMS_START_WORDS", default=["START", "UNSTOP"])
# Proxies (addresses or networks) whose X-Forwarded-For is believed.
TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
JOURNAL_DIR = Path(env.str("JOURNAL_DIR", str(VAR_DIR / "journal")))

# --- Webhooks ---------------------------------------------------------------------------------------------------

# Networks that are not public and that webhooks may be sent to all the same, such as 10.1.0.0/16; ports they may use.
WEBHOOK_ALLOWED_NETWORKS: list[str] = env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])
WEBHOOK_ALLOWED_PORTS: list[int] = env.list("WEBHOOK_ALLOWED_PORTS", cast=int, default=[80, 443, 8080, 8443])
# Seconds until the second try, the third and so on; after the last the delivery has failed.
WEBHOOK_RETRY_SECONDS: list[int] = env.list(
    "WEBHOOK_RETRY_SECONDS", cast=int, default=[5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
)
# An endpoint all of whose tries failed for so long is switched off.
WEBHOOK_SWITCH_OFF_HOURS: int = env.int("WEBHOOK_SWITCH_OFF_HOURS", 120)
# How long an old secret signs beside the new one.
WEBHOOK_SECRET_OVERLAP_HOURS: int = env.int("WEBHOOK_SECRET_OVERLAP_HOURS", 24)
# Of one recipient's opens, and of their clicks, so many an hour are told to webhooks; 0 tells all.
WEBHOOK_HITS_PER_HOUR: int = env.int("WEBHOOK_HITS_PER_HOUR", 20)
WEBHOOK_LOG_DAYS: int = env.int("WEBHOOK_LOG_DAYS", 30)
# Posts that one machine has in the air at once; half of them at most to one endpoint.
WEBHOOK_CONNECTIONS: int = env.int("WEBHOOK_CONNECTIONS", 16)
WEBHOOK_LOCK = VAR_DIR / "webhooks.lock"

# --- REST API ---------------------------------------------------------------------------------------------------

# The status of a refusal of the GreenArrow API, by its code; 200 for the others, which clients tell by `success`.
GREENARROW_ERROR_STATUS: dict[str, int] = env.dict(
    "GREENARROW_ERROR_STATUS", cast={"value": int}, default={"not_authorized": 401, "internal_error": 500}
)
# How many seconds ago a campaign of the GreenArrow API may have begun, which then begins now; -1 sets no limit.
GREENARROW_BEGINS_AT_MAX_PAST: int = env.int("GREENARROW_BEGINS_AT_MAX_PAST", 7200)

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
# What one API key, or one person in a browser, may ask of the REST API; 0 sets no limit.
API_REQUESTS_PER_MINUTE: int = env.int("API_REQUESTS_PER_MINUTE", 1200)
# --- Octeth API -------------------------------------------------------------------------------------------------

# How clients are told of errors: auto, current, 5.6, scalar or array (docs/api/octeth.md).
OCTETH_ERRORS: str = env.str("OCTETH_ERRORS", "auto")
# Whether a time in the past is refused (27) or means now; whether an auto-resend needs a preheader of its own (16).
OCTETH_REFUSE_PAST_TIMES: bool = env.bool("OCTETH_REFUSE_PAST_TIMES", False)
OCTETH_PREHEADER_REQUIRED: bool = env.bool("OCTETH_PREHEADER_REQUIRED", True)
OCTETH_SESSION_DAYS: int = env.int("OCTETH_SESSION_DAYS", 30)
# For each credential, or each address without one; commands that Octeth limits keep their own limits. 0: none.
OCTETH_REQUESTS_PER_MINUTE: int = env.int("OCTETH_REQUESTS_PER_MINUTE", 0)

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Broadsheet management API",
    "DESCRIPTION": "Campaigns by email and SMS: write, schedule, send, and see what became of them.",
    "VERSION": "1",
    "SERVERS": [{"url": "/api/management"}],
    "SERVE_URLCONF": "api.management.urls",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.management.schema.name_refusals",
    ],
    "ENUM_NAME_OVERRIDES": {
        "Status": "api.management.vocabulary.LABELS",
        "Channel": "campaigns.models.Channel",
        "SubscriptionStatus": "audience.models.Subscription.Status",
        "ImportStatus": "audience.models.Import.Status",
        "SuppressionImportStatus": "audience.models.SuppressionImport.Status",
        "SegmentStatus": "audience.models.Segment.Status",
        "EditionStatus": "api.management.editions.STATUSES",
        "SuppressionReason": "audience.models.Suppression.Reason",
        "SuppressionKind": "audience.models.Suppression.Kind",
        "SuppressionScope": "api.management.suppressions.SCOPES",
        "FieldKind": "audience.models.CustomField.Kind",
        "MessageScope": "content.models.Email.Scope",
        "MessageType": "content.models.Email.Kind",
        "RecipientState": "delivery.models.Recipient.State",
        "CampaignState": "campaigns.models.State",
        "WebhookEvent": "webhooks.models.Happening",
        "WebhookEventSent": "webhooks.models.TYPES",
        "WebhookDeliveryState": "webhooks.models.Delivery.State",
    },
    "ENUM_SUFFIX": "",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Admin ------------------------------------------------------------------------------------------------------

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Broadsheet",
    "SITE_HEADER": "Broadsheet",
    "SITE_SYMBOL": "newspaper",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "STYLES": [lambda request: static("broadsheet/admin.css")],
    "SCRIPTS": [
        lambda request: static("broadsheet/admin.js"),
        lambda request: static("broadsheet/picker.js"),
    ],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("broadsheet/favicon.svg")}
    ],
    "GLOBAL_CALLBACK": "accounts.admin.sidebar.context",
    "DASHBOARD_CALLBACK": "campaigns.admin.homes.home",
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": lambda request: reverse("admin:password_change")},
            {"title": "Second factor", "link": lambda request: reverse("mfa_index")},
        ]
    },
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": "accounts.admin.sidebar.navigation"},
    "COMMAND": {"search_models": ["campaigns.campaign", "content.email", "audience.mailinglist", "audience.segment"]},
    "COLORS": {
        "primary": {
            "50": "oklch(97.3% .013 250)",
            "100": "oklch(94.2% .03 250)",
            "200": "oklch(89% .057 250)",
            "300": "oklch(81% .1 250)",
            "400": "oklch(71.5% .135 251)",
            "500": "oklch(61.5% .15 253)",
            "600": "oklch(52.5% .15 255)",
            "700": "oklch(46% .135 256)",
            "800": "oklch(40% .11 257)",
            "900": "oklch(35% .085 258)",
            "950": "oklch(26% .06 260)",
        },
    },
}

# --- Security ---------------------------------------------------------------------------------------------------

X_FRAME_OPTIONS = "SAMEORIGIN"
SILENCED_SYSTEM_CHECKS = ["security.W019"]  # the admin shows previews of mails in frames of its own
# For public pages; `config.csp` adds what the admin's theme needs.
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'"],
        "object-src": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", True)
    SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", True)
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- Logging ----------------------------------------------------------------------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    # One line for every tick of the clock, or for every way to read a bounce, would bury what matters; what fails is
    # still told of.
    "loggers": {
        name: {"level": "WARNING"}
        for name in ("celery.beat", "celery.worker.strategy", "celery.app.trace", "flufl.bounce")
    },
}
