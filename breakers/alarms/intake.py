"""One message of an alarm source, from the wire to the circuit.

1. The source is known and enabled, the message proves its origin.
2. It is written down once; a repeat changes nothing, and a signed post that is repeated is refused.
3. ALARM opens the circuit that it is mapped to, as the breaker itself would: wait and probes close it again.
   OK and INSUFFICIENT_DATA are only recorded: with a circuit open nothing fails, so an alarm ends by itself.
4. What came of it is written down, and answered.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from breakers.alarms import certificates, signatures
from breakers.alarms.messages import Alarm, matching, moment, read
from breakers.core import machine
from breakers.dataplane import DataPlane
from breakers.hosting import hosted
from breakers.models import AlarmMessage, AlarmSource
from controlplane.audit.chain import record
from controlplane.aws import clients
from controlplane.aws.plans import Call
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import to_ms
from controlplane.kernel.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound, Unavailable
from controlplane.kernel.secrets import Unreadable, reveal

HMAC_WINDOW_S = 300
LONGEST_BODY = 300_000  # SNS sends 256 KiB at most
RECEIVED = "received"


def receive(slug: str, headers: Mapping[str, str], body: bytes, *, now: datetime | None = None) -> dict[str, Any]:
    """What came of a posted message: {"outcome", "alarm", "state", "target", "detail"}.

    Raises NotFound, Forbidden when the origin is not proved, Invalid for what is no alarm, Conflict for a repeated
    post, Unavailable when the circuit cannot be moved now: then the sender tries again.
    """
    now = now or clock.now()
    source = AlarmSource.objects.filter(slug=slug).first()
    if source is None:
        raise NotFound(f"There is no alarm source {slug!r}.")
    if not source.enabled:
        raise Forbidden(f"Alarm source {slug} is disabled.")
    try:
        return _of_topic(source, body, now) if source.scheme == "sns" else _posted(source, headers, body, now)
    except signatures.Unproved as problem:
        raise Forbidden(f"The message does not prove that it is of alarm source {slug}: {problem}.") from None


# Origins --------------------------------------------------------------------------------------------------------------


def _of_topic(source: AlarmSource, body: bytes, now: datetime) -> dict[str, Any]:
    message = _json(body)
    if not isinstance(message, dict):
        raise Invalid("SNS posts a JSON object.", problems=[FieldProblem("", "invalid", "This is no message of SNS.")])
    if message.get("TopicArn") != source.topic_arn:
        raise signatures.Unproved("the message is of another topic")  # before any certificate is fetched
    pem = source.certificate or certificates.at(signatures.certificate_url(message, source.topic_arn))
    signatures.verify_sns(message, source.topic_arn, pem, now)
    kind, id = message["Type"], str(message.get("MessageId", ""))
    sent = moment(message.get("Timestamp"))
    if kind != "Notification":
        return _settled(source, id, now, _confirmed(source, message, kind))
    try:
        alarm = read(json.loads(message.get("Message", "")))
    except ValueError:
        alarm = None
    if alarm is None:  # the topic's other news; refusing it would have SNS repeat it
        return _settled(source, id, now, {"outcome": "no_alarm", "detail": "the message tells of no alarm"})
    return _noted(source, alarm, id, now, sent)[0]


def _posted(source: AlarmSource, headers: Mapping[str, str], body: bytes, now: datetime) -> dict[str, Any]:
    secrets = _secrets(source, now)
    if source.scheme == "api_key":
        signatures.verify_key(secrets, headers.get("X-Api-Key", ""))
    else:
        timestamp, given = (headers.get(f"X-Switchgear-{name}", "") for name in ("Timestamp", "Signature"))
        window_s = min(source.max_age_s, HMAC_WINDOW_S)
        signatures.verify_hmac(secrets, timestamp, given, body, now_s=now.timestamp(), window_s=window_s)
    alarm = read(_json(body))
    if alarm is None:
        text = (
            'Send {"alarm", "state": "ALARM", "OK" or "INSUFFICIENT_DATA", "reason"}, or CloudWatch\'s event as it is.'
        )
        raise Invalid("This tells of no alarm.", problems=[FieldProblem("", "invalid", text)])
    if source.scheme == "hmac":
        answer, repeated = _noted(source, alarm, headers["X-Switchgear-Signature"], now, None)
        if repeated:
            raise Conflict("This signed post has come in before; sign each one anew.", outcome=answer["outcome"])
        return answer
    return _noted(source, alarm, alarm.id or _said(source, alarm, body, now), now, None)[0]


def _said(source: AlarmSource, alarm: Alarm, body: bytes, now: datetime) -> str:
    """What tells a post without an id from others. Where it names no moment, the same words are news again later."""
    turn = "" if alarm.at is not None else str(int(now.timestamp()) // source.max_age_s)
    return hashlib.sha256(turn.encode() + body).hexdigest()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        problem = FieldProblem("", "parse_error", "Send one JSON document in UTF-8.")
        raise Invalid("The body is not JSON.", problems=[problem]) from None


def _secrets(source: AlarmSource, now: datetime) -> list[str]:
    sealed = [source.secret]
    if source.previous_until is not None and now < source.previous_until:
        sealed.append(source.previous_secret)
    try:
        found = [reveal(text) for text in sealed if text]
    except Unreadable as error:
        raise Unavailable(f"{error} Make a new secret for alarm source {source.slug}.") from None
    if not found:
        raise signatures.Unproved("the source has no secret yet; make one")
    return found


# What is done ---------------------------------------------------------------------------------------------------------


def _confirmed(source: AlarmSource, message: dict[str, Any], kind: str) -> dict[str, Any]:
    """A subscription to the source's own topic is confirmed; that one was ended is only written down."""
    if kind != "SubscriptionConfirmation":
        return {"outcome": "unsubscribed", "detail": "the topic sends no more messages here"}
    host = signatures.host_of(source.topic_arn)
    if settings.AWS_CONFIGURED:
        region = source.topic_arn.split(":")[3]
        token = {"TopicArn": source.topic_arn, "Token": str(message.get("Token", ""))}
        clients.send(Call("sns", "confirm_subscription", token, region=region))
    else:
        url = str(message.get("SubscribeURL", ""))
        if not url.startswith(f"https://{host}/?"):
            raise signatures.Unproved(f"SubscribeURL is not of {host}")
        certificates.fetch(url)
    _audit(source, "alarm.confirm", f"alarm-source:{source.slug}", {"topic_arn": source.topic_arn})
    return {"outcome": "confirmed", "detail": "the subscription is confirmed"}


def _noted(
    source: AlarmSource, alarm: Alarm, id: str, now: datetime, sent: datetime | None
) -> tuple[dict[str, Any], bool]:
    """What came of the alarm, and whether that was known before."""
    target = matching(source.alarms, alarm.name) or ""
    row, new = AlarmMessage.objects.get_or_create(
        source=source.slug,
        message=_short(id),
        defaults={
            "at": now,
            "alarm": alarm.name[:300],
            "state": alarm.state,
            "target": target,
            "outcome": RECEIVED,
            "detail": alarm.reason[:500],
        },
    )
    if not new and row.outcome != RECEIVED:
        return _told(row), True
    # A row that was left at `received` is of a worker that died in between: it is taken up again.
    row.outcome, why = _acted(source, alarm, target, now, sent)
    row.detail = (why or alarm.reason)[:500]
    row.save(update_fields=["outcome", "detail"])
    return _told(row), False


def _acted(source: AlarmSource, alarm: Alarm, target: str, now: datetime, sent: datetime | None) -> tuple[str, str]:
    """The outcome and, where nothing was done, why."""
    if alarm.state != "ALARM":
        return "recorded", ""
    if not target:
        return "unmapped", f"no rule of the source names {alarm.name}"
    at = alarm.at or sent or now
    if (age_s := (now - at).total_seconds()) > source.max_age_s:
        return "late", f"the alarm changed {age_s:.0f} s ago; after {source.max_age_s} s it opens nothing"
    reason = f"alarm {alarm.name} of {source.slug}{f': {alarm.reason}' if alarm.reason else ''}"[:500]
    control = hosted("control")
    try:
        outcome, why = control.run(_open(control.plane, target, reason, to_ms(at)), timeout_s=5)
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"The shared state is out of reach: {error}", retry_after_s=2) from error
    if outcome == "opened":
        _audit(source, "alarm.open", f"target:{target}", {"alarm": alarm.name, "state": "OPEN"}, reason)
    return outcome, why


async def _open(plane: DataPlane, target: str, reason: str, at_ms: int) -> tuple[str, str]:
    if target not in plane.circuits:
        await plane.config.refresh()
    guarded = plane.circuits.get(target)
    if guarded is None:
        return "unmapped", f"there is no target {target}"
    circuit = guarded.circuit
    if circuit.since_ms > at_ms:
        return "overtaken", f"the circuit moved after the alarm did, and is {circuit.state}"
    move = machine.after_alarm(guarded.settings.breaker, circuit, reason)
    if move is None:
        return "already_open", "the circuit was open already"
    moved = await plane.move(guarded, move)
    return ("opened", "") if moved.reason == reason else ("overtaken", f"the circuit moved meanwhile, to {moved.state}")


def _settled(source: AlarmSource, id: str, now: datetime, told: dict[str, Any]) -> dict[str, Any]:
    row, _ = AlarmMessage.objects.get_or_create(source=source.slug, message=_short(id), defaults={"at": now, **told})
    return _told(row)


def _told(row: AlarmMessage) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("outcome", "alarm", "state", "target", "detail")}


def _short(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()


def _audit(source: AlarmSource, action: str, subject: str, after: dict[str, Any], reason: str = "") -> None:
    record(action=action, subject=subject, by=Principal.system(f"alarms:{source.slug}"), after=after, reason=reason)
