"""The language of request rules: JSON trees that are judged, compiled, indexed and read aloud; pure.

    {}                                                       every request
    {"all": […]}  {"any": […]}  {"not": {…}}                 and, or, not
    {"ip": ["10.0.0.0/8"]}  {"forwarded_ip": […]}            the peer's address; the one that trusted proxies vouch for
    {"path": {OP}}  {"header": {"name": …, OP}}  {"query": {"name": …, OP}}
    {"method": ["POST"]}  {"label": "name"}  {"size": {"of": "body|headers|query|path", "over": 8192}}

OP is one of is, starts, ends, contains (text or a list of texts) and present (true or false), with "ignore_case": true
if wanted. Names of headers know no case; paths do. There are no regular expressions: one can be made to run for ever.
"""

from .index import Index
from .predicates import Predicate, compile_statement
from .shape import LABEL, LABEL_RULE, Fault, problems
from .traits import Traits
from .wording import sentence

__all__ = ["LABEL", "LABEL_RULE", "Fault", "Index", "Predicate", "Traits", "compile_statement", "problems", "sentence"]
