"""Rows of access: API tokens, and the permissions behind the table of acts."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from controlplane.kernel import clock
from controlplane.kernel.access import Principal


class Act(models.Model):
    """No table: the content type that the permissions `access.report` … `access.administer` hang on."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [
            ("report", "May tell how its calls went, and ask whether to call"),
            ("view", "May look at everything"),
            ("operate", "May override circuits, probe, and word delays"),
            ("configure", "May change targets, journeys and routes"),
            ("administer", "May manage users and tokens"),
        ]

    def __str__(self) -> str:
        return "act"


class ApiToken(models.Model):
    """A secret that acts as its user. Only its hash is kept; `prefix` is what lists show of it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    title = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.title} ({self.prefix}…)"

    @property
    def usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= clock.now()
        return self.revoked_at is None and not expired and self.user.is_active

    def principal(self) -> Principal:
        return Principal(name=f"{self.user.get_username()} (token {self.title})", kind="token", user_id=self.user_id)
