"""What becomes of a request that a rule does not let pass: refused, answered in the rule's words, or challenged."""

import math

from breakers.core.statements import Traits

from .challenges import Challenges, WebReply
from .errors import Blocked, BlockedByRate, ChallengeRequired
from .screening import Verdict

NO_STORE = (b"cache-control", b"no-store")


def carried_out(verdict: Verdict, traits: Traits, challenges: Challenges) -> WebReply:
    """The answer to give; without one, raises Blocked, BlockedByRate or ChallengeRequired."""
    if verdict.action == "challenge":
        if challenges.browser(traits.method, traits.headers):
            back = f"{traits.raw_path}?{traits.query}" if traits.query else traits.raw_path
            return challenges.page(stage=traits.stage, rule=verdict.rule, return_to=back)
        address = challenges.address(stage=traits.stage, rule=verdict.rule)
        text = f"Rule {verdict.title} asks for a proof of work first; open {address} in a browser."
        raise ChallengeRequired(text, rule=verdict.rule, challenge=address)
    again = verdict.retry_after_s
    if verdict.answer is not None:
        fields = [(b"content-type", verdict.answer.content_type), NO_STORE]
        if again is not None:
            fields.append((b"retry-after", b"%d" % max(1, math.ceil(again))))
        return WebReply(verdict.answer.status, fields, verdict.answer.body)
    if verdict.rate is None:
        raise Blocked(f"Rule {verdict.title} refuses requests like this one.", rule=verdict.rule)
    limit, window_s = verdict.rate.limit, verdict.rate.window_s
    text = f"Rule {verdict.title} takes {limit} requests of one client in {window_s} s, and more came."
    window = {"limit": limit, "window_s": window_s}
    raise BlockedByRate(text, retry_after_s=again, rule=verdict.rule, scope="rule", window=window)
