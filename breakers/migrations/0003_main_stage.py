"""The stage `main` exists from the start: every path of every host enters there."""

from typing import Any

from django.db import migrations


def open_main(apps: Any, schema_editor: Any) -> None:
    apps.get_model("breakers", "Stage").objects.get_or_create(slug="main", defaults={"title": "Main"})


class Migration(migrations.Migration):
    dependencies = [("breakers", "0002_admission")]

    operations = [migrations.RunPython(open_main, migrations.RunPython.noop)]
