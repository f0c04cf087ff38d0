"""The processing-delay flag: judged from circuits and operators' words, kept as documents that are ready to be sent."""

from .documents import DelayDocs

__all__ = ["DelayDocs"]
