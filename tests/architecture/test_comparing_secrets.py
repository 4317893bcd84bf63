"""Secrets are compared in constant time: how long it takes must not tell how much of one is right.

Databases compare hashes of tokens, which tell nothing of a token; everything else that is named
like a secret goes through `hmac.compare_digest`, or is listed here with the reason.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.test_structure import ROOT, sources

#: Words of names, singular: what holds several is looked through, not compared.
SECRET = re.compile(
    r"(^|_)(token|secret|password|passphrase|mac|hmac|digest|signature|signed|credential"
    r"|api_key|private_key|cookie|nonce)(_digest|_hash|_hex|_bytes)?$"
)

#: What writes a secret in other letters, and is one as well.
WRITTEN = ("b64encode", "urlsafe_b64encode", "standard_b64encode", "b32encode", "b16encode")
WRITTEN += ("hexlify", "bytes", "str")
METHODS = ("encode", "decode", "strip", "hex", "digest", "hexdigest", "lower", "rstrip")

#: Comparisons of what is called like a secret and is none, and why.
NO_SECRETS = {
    "services/cli/rule_file.py: key.value == token": "a word of YAML",
    "services/router/route_tickets.py: ticket['signature'] == signature": "what a ticket needs",
    "services/intake/bulk/receiving.py: chunk.digest != earlier['digest']": "of the body itself",
    "services/cli/doctor/secrets.py: password not in (*DEFAULTS, parts.username)": "the operator's",
}


def compared(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comparison of something that is named like a secret."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Compare):
            continue
        if not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            continue
        sides = [node.left, *node.comparators]
        # A condition of SQL is compared by the database; `x == ""` asks whether there is one.
        if any(_is_column(each) or _is_harmless(each) for each in sides):
            continue
        if any(SECRET.search(_name(side)) for side in sides):
            yield node.lineno, ast.unparse(node)


def _name(node: ast.expr) -> str:
    """Return what an expression is called: a variable, a member, a key, or who made it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower()
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name.lower()
        case ast.Subscript(value=value):
            return _name(value)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="hmac"))):
            return "hmac"
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in METHODS:
            return _name(value) or method
        case ast.Call(
            func=ast.Name(id=function) | ast.Attribute(attr=function), args=[written, *_]
        ) if function in WRITTEN:
            return _name(written)
        case ast.Call(func=function):
            return _name(function)
    return ""


def _is_column(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and (
        (isinstance(node.value, ast.Attribute) and node.value.attr == "c")
        or (isinstance(node.value, ast.Name) and node.value.id == "columns")
        or node.attr.isupper()
    )


def _is_harmless(node: ast.expr) -> bool:
    """Tell whether one side is written in the source or in upper case: a constant of ours."""
    constant = isinstance(node, ast.Name) and node.id.isupper()
    return constant or isinstance(node, ast.Constant)


def test_nothing_that_is_named_like_a_secret_is_compared_by_an_operator() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {text}": line
        for path in sources("services", "shared", "deploy")
        for line, text in compared(path)
    }
    assert {where: line for where, line in found.items() if where not in NO_SECRETS} == {}


def test_what_is_excused_is_still_there() -> None:
    there = {
        f"{path.relative_to(ROOT)}: {ast.unparse(node)}"
        for path in sources("services", "shared", "deploy")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
    }
    assert set(NO_SECRETS) <= there


def test_the_check_finds_what_it_is_for(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "if given == secret: ...\n"
        "if row['token_digest'] != _digest(given): ...\n"
        "if sign(body).hex() == given: ...\n"
        "if mac in known: ...\n"
        "if key.secret == other.secret: ...\n"
        "if columns.secret == given: ...\n"
        "if table.c.token == given: ...\n"
        "if token == '': ...\n"
        "if compare_digest(secret, given): ...\n"
        "if hmac.new(key, body, 'sha256').hexdigest() == given: ...\n"
        "if b64encode(mac) == given: ...\n"
        "if base64.urlsafe_b64encode(hmac.digest(key, body, 'sha256')).decode() != given: ...\n"
    )
    assert [line for line, _ in compared(path)] == [1, 2, 4, 5, 10, 11, 12]
