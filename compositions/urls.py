"""Addresses of the flow floor's pages."""

from django.urls import path

from compositions.views import authoring, compositions, executions, pipes, routes, runs, tasks, trying, versions

urlpatterns = [
    path("executions/", executions.executions, name="executions"),
    path("executions/bulk/", executions.bulk_act, name="executions-bulk"),
    path("executions/bulk/<int:pk>/", executions.bulk_run, name="bulk-run"),
    path("executions/view/", executions.keep_view, name="executions-view"),
    path("executions/<slug:id>/", executions.execution, name="execution"),
    path("executions/<slug:id>/steer/", executions.steer, name="execution-steer"),
    path("pipes/", pipes.pipes, name="pipes"),
    path("pipes/<slug:slug>/", pipes.pipe, name="pipe"),
    path("pipes/<slug:slug>/steer/", pipes.steer, name="pipe-steer"),
    path("pipes/<slug:slug>/redrive/", pipes.redrive, name="pipe-redrive"),
    path("intents/<str:id>/", pipes.intent, name="intent"),
    path("tasks/", tasks.inbox, name="tasks"),
    path("tasks/<str:token>/", tasks.task, name="task"),
    path("tasks/<str:token>/assign/", tasks.assign, name="task-assign"),
    path("tasks/<str:token>/end/", tasks.end, name="task-end"),
    path("routes/", routes.routes, name="routes"),
    path("routes/<slug:slug>/", routes.change, name="route-change"),
    path("routes/<slug:slug>/limits/", routes.limits, name="route-limits"),
    path("routes/<slug:slug>/undo/", routes.undo, name="route-undo"),
    path("compositions/", compositions.compositions, name="compositions"),
    path("compositions/-/new/", authoring.new, name="composition-new"),
    path("compositions/-/import/", authoring.bring, name="composition-bring"),
    path("compositions/-/check/", authoring.check, name="composition-judge"),
    path("compositions/-/draft/", trying.try_draft, name="composition-draft"),
    path("compositions/<slug:slug>/", compositions.composition, name="composition"),
    path("compositions/<slug:slug>/change/", authoring.change, name="composition-change"),
    path("compositions/<slug:slug>/delete/", authoring.delete, name="composition-delete"),
    path("compositions/<slug:slug>/export/", compositions.export, name="composition-download"),
    path("compositions/<slug:slug>/versions/", versions.versions, name="composition-history"),
    path("compositions/<slug:slug>/versions/rollback/", versions.rollback, name="composition-restore"),
    path("compositions/<slug:slug>/try/", trying.try_it, name="composition-try"),
    path("compositions/<slug:slug>/translate/", trying.translate, name="composition-translation"),
    path("compositions/<slug:slug>/runs/", runs.runs, name="composition-run-list"),
    path("compositions/<slug:slug>/runs/<int:pk>/", runs.run, name="composition-run"),
]
