"""Routes from before there were stages are reached through `main`."""

from typing import Any

from django.db import migrations


def enter(apps: Any, schema_editor: Any) -> None:
    main = apps.get_model("breakers", "Stage").objects.get(slug="main")
    for route in apps.get_model("compositions", "Route").objects.all():
        route.stages.add(main)


class Migration(migrations.Migration):
    dependencies = [("compositions", "0002_admission"), ("breakers", "0003_main_stage")]

    operations = [migrations.RunPython(enter, migrations.RunPython.noop)]
