"""Every REST address of the protection floor."""

from . import (
    actions,
    alarm_sources,
    breakers,
    cache,
    capacity,
    config,
    consumers,
    journeys,
    keys,
    plans,
    rules,
    stages,
    targets,
    throttles,
)

urlpatterns = [
    *targets.routes,
    *breakers.routes,
    *journeys.routes,
    *config.routes,
    *stages.routes,
    *plans.routes,
    *throttles.routes,
    *rules.routes,
    *actions.routes,
    *alarm_sources.routes,
    *capacity.routes,
    *cache.routes,
    *consumers.routes,
    *keys.routes,
]
