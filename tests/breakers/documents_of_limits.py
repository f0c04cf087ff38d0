"""Stages, plans and throttles as an admin might state them, complete, and drawn at random over few names."""

from typing import Any

from hypothesis import strategies as st

STAGES = ("beta", "main")
ROUTES = ("article", "articles", "search")
METHODS = ("GET", "POST")
PLANS = ("free", "gold")


def stage(slug: str, **stated: Any) -> dict[str, Any]:
    return {"slug": slug, "title": "", "rate": None, "burst": None, "on_store_error": "local", **stated}


def plan(slug: str, **stated: Any) -> dict[str, Any]:
    plain = {"title": "", "rate": None, "burst": None, "quota": None, "stages": ["main"], "overrides": []}
    return {"slug": slug, **plain, "mode": "enforce", "on_store_error": "local", **stated}


def override(rate: float, route: str | None = None, method: str | None = None, burst: int | None = None) -> Any:
    return {"route": route, "method": method, "rate": rate, "burst": burst}


def throttle(slug: str, scope: str, rate: float, **stated: Any) -> dict[str, Any]:
    place = {"stage": None, "route": None, "method": None}
    return {"slug": slug, "title": "", "scope": scope, "rate": rate, "burst": None, "on_store_error": "local"} | {
        **place,
        **stated,
    }


rates = st.integers(1, 50)
bursts = st.none() | st.integers(1, 50)


def stages() -> st.SearchStrategy[list[dict[str, Any]]]:
    each = [st.builds(stage, st.just(slug), rate=st.none() | rates, burst=bursts) for slug in STAGES]
    return st.tuples(*each).map(list)


@st.composite
def plans(draw: Any) -> list[dict[str, Any]]:
    found = []
    for slug in draw(st.lists(st.sampled_from(PLANS), unique=True)):
        places = st.tuples(st.none() | st.sampled_from(ROUTES), st.none() | st.sampled_from(METHODS)).filter(any)
        overrides = [
            override(draw(rates), route, method, draw(bursts))
            for route, method in draw(st.lists(places, unique=True, max_size=4))
        ]
        entered = draw(st.lists(st.sampled_from(STAGES), unique=True))
        mode = draw(st.sampled_from(["enforce", "enforce", "count"]))
        found.append(plan(slug, rate=draw(st.none() | rates), stages=entered, overrides=overrides, mode=mode))
    return found


@st.composite
def throttles(draw: Any) -> list[dict[str, Any]]:
    some_stage = st.none() | st.sampled_from(STAGES)
    some_route = st.none() | st.sampled_from(ROUTES)
    places = st.one_of(
        st.just(("account", None, None, None)),
        st.tuples(st.just("stage"), st.sampled_from(STAGES), st.none(), st.none()),
        st.tuples(st.just("route"), some_stage, st.sampled_from(ROUTES), st.none()),
        st.tuples(st.just("method"), some_stage, some_route, st.sampled_from(METHODS)),
    )
    return [
        throttle(f"t{index}", scope, draw(rates), stage=stage, route=route, method=method, burst=draw(bursts))
        for index, (scope, stage, route, method) in enumerate(draw(st.lists(places, unique=True, max_size=8)))
    ]
