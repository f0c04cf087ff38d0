"""Addresses of the flow floor's pages."""

from django.urls import path

from compositions.views import pipes, routes, tasks

urlpatterns = [
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
]
