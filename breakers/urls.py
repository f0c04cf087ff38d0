"""Addresses of the protection floor's pages."""

from django.urls import path

from breakers.views import board, circuits, delay, journeys

urlpatterns = [
    path("", board.board, name="board"),
    path("circuits/<slug:slug>/", circuits.circuit, name="circuit"),
    path("circuits/<slug:slug>/order/", circuits.order, name="circuit-order"),
    path("circuits/<slug:slug>/undo/", circuits.undo, name="circuit-undo"),
    path("circuits/<slug:slug>/probe/", circuits.probe, name="circuit-probe"),
    path("journeys/", journeys.journeys, name="journeys"),
    path("journeys/<slug:slug>/", journeys.journey, name="journey"),
    path("journeys/<slug:slug>/delay/", journeys.put_delay, name="journey-delay"),
    path("journeys/<slug:slug>/delay/clear/", journeys.clear_delay, name="journey-delay-clear"),
    path("processing-delay", delay.processing_delay, name="processing-delay"),
    path("processing-delay/<slug:journey>", delay.processing_delay, name="processing-delay-of"),
]
