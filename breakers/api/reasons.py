"""The body of acts that need nothing but a reason."""

from breakers.documents.fields import Text
from controlplane.kernel.rest import StrictSerializer


class ReasonShape(StrictSerializer):
    reason = Text(required=False, max_length=500, help_text="Why; kept in the audit. X-Reason will do as well.")
