"""API Gateway's key files are read as its documentation says, and every fault is told with its line and a remedy."""

import pytest

from breakers.core.key_files import MOST_CHARACTERS, MOST_PROBLEMS, KeyLine, read

ONE, TWO = "apikey1234abcdefghij0123456789", "apikey5678abcdefghij0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"Name,Key\nApp,{ONE}\n",
        f"Key,name\n{ONE},App\n",
        f"\ufeffNAME,KEY\r\nApp,{ONE}\r\n",
        f"name , key\n App , {ONE} ",
        f"\n\nName,Key,Owner\nApp,{ONE},somebody\n\n",
        f'"Name","Key"\n"App","{ONE}"\n',
        f"Name,Key,Enabled,UsagePlanIds,Description\nApp,{ONE}\n",
        f"Name,Key,Enabled\nApp,{ONE},TRUE\n",
    ],
    ids=["example", "order", "bom-crlf-case", "spaces", "unknown-column", "quotes", "short-line", "enabled"],
)
def test_these_files_hold_the_same_key(text: str) -> None:
    file = read(text)
    assert file.problems == []
    assert [(line.name, line.key, line.enabled, line.plans) for line in file.lines] == [("App", ONE, True, ())]


@pytest.mark.parametrize("plans", ['"gold,silver"', "'gold,silver'", '"gold, silver"', '"gold,silver,gold"'])
def test_several_plans_stand_in_quotes_of_either_kind(plans: str) -> None:
    file = read(f"Enabled,Name,key,UsageplanIds\nfalse,App,{ONE},{plans}\n")
    assert file.lines == [KeyLine(2, "App", ONE, "", False, ("gold", "silver"))]
    assert file.problems == []


def test_a_record_of_several_lines_is_named_by_its_first() -> None:
    file = read(f'Name,Key,Description\nApp,{ONE},"two\nlines"\nOther,short,\n')
    assert [line.line for line in file.lines] == [2, 4]
    assert [(found.line, found.code) for found in file.problems] == [(4, "length")]


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "words"),
    [
        ("", 0, "", "empty", "empty"),
        ("Name,Key\n", 0, "", "empty", "no keys"),
        (f"Name;Key\nApp;{ONE}\n", 1, "", "separator", "semicolons"),
        (f"Name\tKey\nApp\t{ONE}\n", 1, "", "separator", "tabs"),
        (f"Title,Key\nApp,{ONE}\n", 1, "Name", "header", "no column Name"),
        (f"Name,Secret\nApp,{ONE}\n", 1, "Key", "header", "no column Key"),
        (f"Name,Key,key\nApp,{ONE},{TWO}\n", 1, "Key", "header", "two columns"),
        (f"App,{ONE}\n", 1, "Name", "header", "no column Name"),
        (f"Name,Key\n,{ONE}\n", 2, "Name", "required", "missing"),
        ("Name,Key\nApp,\n", 2, "Key", "required", "missing"),
        ("Name,Key\nApp,short\n", 2, "Key", "length", "20 to 128"),
        (f"Name,Key\nApp,{'ab1' * 43}\n", 2, "Key", "length", "129"),
        ("Name,Key\nApp,apikey1234 abcdefghij0123\n", 2, "Key", "characters", "printable ASCII"),
        (f"Name,Key\n{'x' * 1025},{ONE}\n", 2, "Name", "invalid", "1024"),
        (f"Name,Key,Enabled\nApp,{ONE},maybe\n", 2, "Enabled", "invalid", "true"),
        (f"Name,Key\nApp,{ONE}\n\nOther,{ONE}\n", 4, "Key", "duplicate", "line 2"),
        (f"Name,Key,UsagePlanIds\nApp,{ONE},gold,silver\n", 2, "UsagePlanIds", "cells", "4 cells"),
        (f'Name,Key\n"App,{ONE}\n', 2, "", "quotes", "quotation mark"),
        ("PK\x03\x04\x00\x00", 0, "", "encoding", "UTF-8"),
        ("x" * (MOST_CHARACTERS + 1), 0, "", "too_large", "longer"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else str(value),
)
def test_what_is_wrong_is_told_with_line_column_and_remedy(
    text: str, line: int, column: str, code: str, words: str
) -> None:
    (found,) = read(text).problems
    assert (found.line, found.column, found.code) == (line, column, code)
    assert words in found.message + found.remedy
    assert found.remedy
    assert ONE not in found.message + found.remedy


@pytest.mark.parametrize(
    "line",
    ["App,short,FALSE", "App,,false", f",{ONE},no", "App,apikey1234 abcdefghij0123,0", f"Other,{TWO},FALSE"],
    ids=["length", "no-key", "no-name", "characters", "twice"],
)
def test_a_line_that_is_left_out_is_not_judged(line: str) -> None:
    file = read(f"Name,Key,Enabled\n{line}\nThird,{TWO},TRUE\n")
    assert file.problems == []
    assert [(found.line, found.enabled) for found in file.lines] == [(2, False), (3, True)]


def test_a_line_at_fault_does_not_hide_the_others() -> None:
    file = read(f"Name,Key,UsagePlanIds\nApp,short\nOther,{ONE},a,b\nThird,{TWO}\n,{TWO}\n")
    assert [(found.line, found.code) for found in file.problems] == [
        (2, "length"),
        (3, "cells"),
        (5, "required"),
        (5, "duplicate"),
    ]


def test_a_file_that_is_wrong_everywhere_is_not_listed_without_end() -> None:
    file = read("Name,Key\n" + "App,short\n" * 5000)
    assert len(file.problems) == MOST_PROBLEMS + 1
    assert file.problems[-1].code == "too_many"
