"""JSONPath as Step Functions reads it: paths compiled once, and ResultPath."""

from compositions.asl.paths.parsing import Parsed, PathError, parse
from compositions.asl.paths.reading import BEYOND, MISSING, Missing, Path, Surroundings
from compositions.asl.paths.writing import ResultPath

__all__ = ["BEYOND", "MISSING", "Missing", "Parsed", "Path", "PathError", "ResultPath", "Surroundings", "parse"]
