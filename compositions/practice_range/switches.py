"""The range's switches: an HTTP interface for curl and a page with buttons, over the same services."""

from __future__ import annotations

from compositions.practice_range import pages
from compositions.practice_range.behaviours import BEHAVIOURS, BadSetting, in_plain_words, read_setting
from compositions.practice_range.pages import Markup
from compositions.practice_range.services import PortTaken, Service, Services
from compositions.practice_range.traffic import Traffic
from compositions.practice_range.wire import Answer, Request, json_answer, problem


class Switches:
    """Reads and sets behaviours. Forms are answered by a redirect, everything else by JSON."""

    def __init__(self, services: Services, control_url: str, frontdoor_url: str, traffic: Traffic | None) -> None:
        self._services = services
        self._control_url, self._frontdoor_url = control_url, frontdoor_url
        self._traffic = traffic

    async def answer(self, request: Request) -> Answer | None:
        """The answer, or None when the path is not one of the switches'."""
        match request.method, request.path.strip("/").split("/"):
            case "GET" | "HEAD", [""]:
                return self._page()
            case "GET" | "HEAD", ["services"]:
                return json_answer(self._overview())
            case "GET" | "HEAD", ["behaviours"]:
                every = self._services.by_slug.values()
                return json_answer({service.slug: service.setting.document() for service in every})
            case "GET" | "HEAD", ["charges"]:
                # Read here and not from the payment service, which may be the one that is broken.
                query = request.query
                return json_answer(self._services.ledger.document(query.get("customer"), query.get("key")))
            case "GET" | "HEAD", ["customers"]:
                return json_answer(self._services.customers.document(request.query.get("customer")))
            case "DELETE", ["charges"]:
                return _refusal_of_strangers(request) or self._forget_charges()
            case "POST", ["reset"]:
                return _refusal_of_strangers(request) or await self._reset(request)
            case method, ["behaviours", slug]:
                return await self._one(request, method, slug)
            case _, [""] | ["services"] | ["behaviours"]:
                return problem(405, f"{request.path} is read with GET.", allow="GET")
            case _, ["charges"]:
                return problem(405, "/charges takes GET and DELETE.", allow="GET, DELETE")
            case _, ["reset"]:
                return problem(405, "/reset is sent with POST.", allow="POST")
        return None

    async def _one(self, request: Request, method: str, slug: str) -> Answer:
        service = self._services.by_slug.get(slug)
        if service is None:
            return problem(404, f"There is no service {slug!r}. There are: {', '.join(self._services.by_slug)}.")
        if method in ("GET", "HEAD"):
            return json_answer(service.setting.document())
        if method in ("PUT", "POST"):
            return _refusal_of_strangers(request) or await self._switch(request, service)
        return problem(405, f"{request.path} takes GET and PUT.", allow="GET, PUT")

    async def _switch(self, request: Request, service: Service) -> Answer:
        try:
            await service.switch(read_setting(request.body))
        except BadSetting as error:
            return problem(400, str(error), error.problems)
        except PortTaken as error:
            return problem(409, f"{error} Stop that program, then send this again.")
        if _is_form(request):
            return Answer(303, headers={"Location": f"/#{service.slug}"})
        return json_answer(service.setting.document())

    async def _reset(self, request: Request) -> Answer:
        try:
            await self._services.reset()
        except PortTaken as error:
            return problem(409, f"{error} Stop that program, then send this again.")
        if _is_form(request):
            return Answer(303, headers={"Location": "/"})
        return json_answer(self._overview())

    def _forget_charges(self) -> Answer:
        self._services.ledger.clear()
        return Answer(204)

    def _overview(self) -> dict[str, object]:
        return {
            "services": [service.document() for service in self._services.by_slug.values()],
            "traffic": self._traffic_words(),
        }

    def _traffic_words(self) -> str:
        if self._traffic is None:
            return "Background traffic is turned off (RANGE_TRAFFIC=0)."
        return self._traffic.in_plain_words()

    def _page(self) -> Answer:
        body = pages.fill(
            "switches.html",
            rows=pages.join(self._row(service) for service in self._services.by_slug.values()),
            control_url=self._control_url,
            frontdoor_url=self._frontdoor_url,
            traffic=self._traffic_words(),
        )
        return pages.page(body, frontdoor_url=self._frontdoor_url)

    def _row(self, service: Service) -> Markup:
        buttons = (
            pages.fill(
                "switch_button.html",
                value=name,
                label=behaviour.label,
                says=behaviour.says.format(delay_ms=service.setting.delay_ms),
                pressed=str(name == service.setting.behaviour).lower(),
            )
            for name, behaviour in BEHAVIOURS.items()
        )
        return pages.fill(
            "switch_row.html",
            slug=service.slug,
            title=service.title,
            does=service.does,
            base_url=service.base_url,
            behaviour=service.setting.behaviour,
            label=BEHAVIOURS[service.setting.behaviour].label,
            in_plain_words=in_plain_words(service.setting),
            delay_ms=service.setting.delay_ms,
            share=service.setting.share,
            answered=sum(service.answered.values()),
            buttons=pages.join(buttons),
        )


def _is_form(request: Request) -> bool:
    """A browser's form, which waits for a page; curl's -d sends the same type but does not ask for HTML."""
    return "text/html" in request.headers.get("accept", "")


def _refusal_of_strangers(request: Request) -> Answer | None:
    """A page on another site must not throw the switches of whoever visits it."""
    if request.comes_from_elsewhere:
        return problem(403, "The switches are thrown from their own page or with curl, not from another site.")
    return None
