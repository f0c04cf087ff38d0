"""JSONata as Step Functions uses it: `{% ... %}` fields, `$states`, variables, added functions, budgets."""

from compositions.asl.jsonata.expressions import Around, Expression, Given
from compositions.asl.jsonata.parsing import Compiled, JsonataError, compile_expression, expression_of
from compositions.asl.jsonata.templates import Constant, Template, compile_template

__all__ = [
    "Around",
    "Compiled",
    "Constant",
    "Expression",
    "Given",
    "JsonataError",
    "Template",
    "compile_expression",
    "compile_template",
    "expression_of",
]
