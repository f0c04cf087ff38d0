"""Beat's own heartbeat: a tick that was sent, queued and worked off leaves the server's time behind."""

from celery import shared_task

from controlplane.kernel import valkey


@shared_task(name="controlplane.beat.tick")
def tick() -> None:
    client = valkey.shared()
    client.set(valkey.named("beat"), valkey.server_ms(client))
