"""Group service: programs that tell how their calls went, and may do nothing else."""

from django.db import migrations

PERMISSION = "May tell how its calls went, and ask whether to call"


def create(apps, schema_editor):
    alias = schema_editor.connection.alias
    Permission = apps.get_model("auth", "Permission")
    content_type, _ = (
        apps.get_model("contenttypes", "ContentType").objects.using(alias).get_or_create(app_label="access", model="act")
    )
    report, _ = Permission.objects.using(alias).get_or_create(
        content_type=content_type, codename="report", defaults={"name": PERMISSION}
    )
    group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name="service")
    group.permissions.set([report])


def remove(apps, schema_editor):
    apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias).filter(name="service").delete()


class Migration(migrations.Migration):
    dependencies = [("access", "0002_roles")]
    operations = [
        migrations.AlterModelOptions(
            name="act",
            options={
                "default_permissions": (),
                "managed": False,
                "permissions": [
                    ("report", PERMISSION),
                    ("view", "May look at everything"),
                    ("operate", "May override circuits, probe, and word delays"),
                    ("configure", "May change targets, journeys and routes"),
                    ("administer", "May manage users and tokens"),
                ],
            },
        ),
        migrations.RunPython(create, remove),
    ]
