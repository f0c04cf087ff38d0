"""Groups viewer, operator and admin with the permissions of the table of acts."""

from django.db import migrations

PERMISSIONS = {
    "view": "May look at everything",
    "operate": "May override circuits, probe, and word delays",
    "configure": "May change targets, journeys and routes",
    "administer": "May manage users and tokens",
}
GROUPS = {
    "viewer": ["view"],
    "operator": ["view", "operate"],
    "admin": ["view", "operate", "configure", "administer"],
}


def create(apps, schema_editor):
    # Django creates permissions after all migrations; made here, they are found again then.
    alias = schema_editor.connection.alias
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    content_type, _ = ContentType.objects.using(alias).get_or_create(app_label="access", model="act")
    permissions = {
        codename: Permission.objects.using(alias).get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )[0]
        for codename, name in PERMISSIONS.items()
    }
    for name, codenames in GROUPS.items():
        group, _ = Group.objects.using(alias).get_or_create(name=name)
        group.permissions.set([permissions[codename] for codename in codenames])


def remove(apps, schema_editor):
    apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias).filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(create, remove)]
