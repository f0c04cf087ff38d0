"""Every REST address of the protection floor."""

from . import breakers, config, journeys, targets

urlpatterns = [*targets.routes, *breakers.routes, *journeys.routes, *config.routes]
