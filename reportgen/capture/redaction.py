"""What looks like a secret, and its replacement by `[redacted:<kind>]`. Pure functions on text and JSON values.

Three kinds of evidence, from the surest to the weakest: the exact values of secret-named environment variables
(known only where the run is logged), names that announce a secret (`api_key`, `--password`), and the shapes of known
tokens. The shapes are anchored on a literal beginning and every repetition is bounded or consumes what it reads, so
that no input takes more than linear time; there is no guessing by entropy, which finds hashes and commits instead.

A change of a pattern or of a rule needs a new `REDACTION_VERSION`: sites note it and redact old records again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

REDACTION_VERSION: Final = 1
"""Version of the patterns and rules below."""


class Shape(NamedTuple):
    """The shape of one kind of secret."""

    kind: str
    """Stands in the replacement."""
    anchors: tuple[str, ...]
    """In lower case; a text that holds none of them, in whatever case, cannot match."""
    pattern: re.Pattern[str]


_AFTER: Final = r"(?![A-Za-z0-9_-])"
_URL_TEXT: Final = r"[^\s/@:\"'<>\[\]]"
_SECRET_NAMES: Final = (
    "password passwd passphrase api[_-]?key secret[_-]?key access[_-]?key access[_-]?token auth[_-]?token "
    "client[_-]?secret account[_-]?key"
).replace(" ", "|")


def _shape(kind: str, anchors: str, pattern: str) -> Shape:
    return Shape(kind, tuple(anchors.split()), re.compile(pattern))


SHAPES: Final = (
    _shape(
        "private-key",
        "-----begin",
        r"-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S])*"
        r"(?:-----END [A-Z ]{0,60}-----)?",
    ),
    _shape("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,255}"),
    _shape("github-token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{22,255}"),
    _shape(
        "gitlab-token",
        "glpat- glptt- gldt- glrt- glcbt- glsoat- glft- glimt- glagent-",
        r"\bgl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,255}",
    ),
    _shape("aws-access-key", "akia asia abia acca", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}" + _AFTER),
    _shape("google-key", "aiza gocspx-", r"\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28})" + _AFTER),
    _shape("hugging-face-token", "hf_ api_org_", r"\b(?:hf|api_org)_[A-Za-z]{30,80}" + _AFTER),
    _shape("anthropic-key", "sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{32,255}"),
    _shape(
        "openai-key",
        "sk-",
        r"\bsk-(?:(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,255}|[A-Za-z0-9]{32,255})",
    ),
    _shape("slack-token", "xox xapp-", r"\b(?:xox[abeoprs]|xapp-\d)-[A-Za-z0-9-]{10,255}"),
    _shape(
        "webhook",
        "hooks.slack.com",
        r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{20,255}",
    ),
    _shape("webhook", "/api/webhooks/", r"https://discord(?:app)?\.com/api/webhooks/\d{10,25}/[A-Za-z0-9_-]{20,255}"),
    _shape("stripe-key", "k_live_ k_test_ k_prod_", r"\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,255}"),
    _shape("sendgrid-key", "sg.", r"\bSG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}"),
    _shape("npm-token", "npm_", r"\bnpm_[A-Za-z0-9]{36}" + _AFTER),
    _shape("pypi-token", "pypi-", r"\bpypi-[A-Za-z0-9_-]{50,500}"),
    _shape("docker-token", "dckr_", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}"),
    _shape("databricks-token", "dapi", r"\bdapi[0-9a-f]{32}(?:-\d)?" + _AFTER),
    _shape("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"\bdo[opr]_v1_[0-9a-f]{64}"),
    _shape("groq-key", "gsk_", r"\bgsk_[A-Za-z0-9]{40,255}"),
    _shape("wandb-key", "wandb_v1_", r"\bwandb_v1_[A-Za-z0-9_]{20,255}"),
    _shape("telegram-token", ":aa", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}" + _AFTER),
    _shape("azure-key", "accountkey=", r"\bAccountKey=[A-Za-z0-9+/]{40,120}={0,2}"),
    _shape("jwt", "eyj", r"\beyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,1000}"),
    _shape("bearer", "bearer ", r"\b[Bb]earer [A-Za-z0-9._~+/-]{20,2000}=*"),
    _shape("basic-auth", "basic ", r"\b[Aa]uthorization[\"']?:\s?[\"']?Basic [A-Za-z0-9+/]{8,500}=*"),
    _shape("url-credentials", "://", rf"(?<=://){_URL_TEXT}{{0,256}}:{_URL_TEXT}{{1,256}}(?=@)"),
    _shape("url-credentials", "://", r"(?<=://)[A-Za-z0-9_-]{20,256}(?=@)"),
    _shape(
        "secret",
        "passw passphrase key token client",
        rf"(?i:(?:{_SECRET_NAMES})[\"']?\s?[:=]\s?[\"']?)(?=[^\s\"',;&]{{0,80}}\d)[^\s\"',;&\[\]]{{8,500}}",
    ),
)
"""Tried in this order."""

_SECRET_WORDS: Final = frozenset("password passwd pwd passphrase secret secrets credential credentials apikey".split())
_SECRET_KEYS: Final = frozenset("api access secret private auth encryption account signing storage deploy".split())
_SECRET_TOKENS: Final = frozenset(
    "access anthropic api auth aws azure bearer bot comet databricks deploy discord docker gcp gh git github gitlab "
    "google hf hub huggingface jwt login mlflow neptune npm oauth openai personal pypi refresh registry replicate "
    "secret security service session slack telegram upload user wandb".split()
)
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def is_secret_name(name: str) -> bool:
    """Tell whether a key, flag or variable of this name holds a secret (`hf_token`, `apiKey`, but not `pad_token`)."""
    words = [word.lower() for word in _WORDS.findall(name[-200:])]
    while words and words[-1].isdigit():
        words.pop()
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _SECRET_WORDS:
        return True
    if last == "key":
        return before in _SECRET_KEYS
    return last == "token" and (not before or before in _SECRET_TOKENS)


def redact_text(text: str) -> tuple[str, int]:
    """Return `text` with everything that has the shape of a secret replaced, and how many places that were."""
    if len(text) < 12:
        return text, 0
    total = 0
    lower = text.lower()
    for shape in SHAPES:
        if any(anchor in lower for anchor in shape.anchors):
            text, count = shape.pattern.subn(_replacement(shape.kind), text)
            total += count
    return text, total


def _replacement(kind: str) -> str:
    return f"[redacted:{kind}]"


def redact_value(value: Any) -> tuple[Any, int]:
    """Return a JSON value with its secrets replaced, and how many there were; unchanged parts are the same objects.

    Texts and keys are searched by shape; a text under a secret-named key is replaced whatever it looks like.
    """
    return _redact(value, named=False)


def _redact(value: Any, *, named: bool) -> tuple[Any, int]:
    if isinstance(value, str):
        if named and value and not value.startswith("[redacted:"):
            return _replacement("secret-name"), 1
        return redact_text(value)
    if isinstance(value, Mapping):
        return _redact_mapping(value, named=named)
    if isinstance(value, list):
        parts = [_redact(part, named=named) if isinstance(part, str | list | dict) else (part, 0) for part in value]
        total = sum(count for _, count in parts)
        return ([part for part, _ in parts], total) if total else (value, 0)
    return value, 0


def _redact_mapping(mapping: Mapping[str, Any], *, named: bool) -> tuple[Mapping[str, Any], int]:
    total = 0
    result: dict[str, Any] = {}
    for key, part in mapping.items():
        clean_key, in_key, secret = _judge_key(key)
        clean, count = part, 0
        if isinstance(part, str | list | dict):
            clean, count = _redact(part, named=named or secret)
        total += in_key + count
        while in_key and clean_key in result:  # two secret keys must not become one entry
            clean_key += "'"
        result[clean_key] = clean
    return (result, total) if total else (mapping, 0)


@lru_cache(maxsize=4096)
def _judge_key(key: str) -> tuple[str, int, bool]:
    """Return a key without secrets of its own, how many there were, and whether it names a secret."""
    return (*redact_text(key), is_secret_name(key))


# ---- a quick look before the thorough one

_BEFORE: Final = rb"(?:(?<![A-Za-z_])|(?<=\\[bfnrtu])|(?<=\\u[a-f]))"
"""The beginning of a word: no letter before it, or one that is a part of an escaped control character."""
_HINT: Final = re.compile(
    rb"gh[pousr]_|github_pat_|gl[a-z]{2,5}-|AKIA|ASIA|ABIA|ACCA|AIza|GOCSPX-|" + _BEFORE + rb"hf_|api_org_|"
    rb""
    + _BEFORE
    + rb"sk-|xox[a-z]-|xapp-|hooks\.slack|api/webhooks|[rs]k_(?:live|test|prod)_|SG\.|npm_|pypi-|dckr_|dapi|"
    rb"do[opr]_v_|gsk_|wandb_v_|:AA|AccountKey=|eyJ|[Bb]earer |Basic |://[^\s/\"]*@|PRIVATE KEY|"
    rb"(?i:passw|passphrase|pwd|secret|credential|token|key)[^\"\s:=]*"
    rb"(?:\"\s?:\s?[^\s\d.,}\]]|\s?[:=]|[\\'][\"'\\]{0,2}\s?[:=])"  # behind a JSON key only what is no number
)
"""Over-approximates what `redact_value` finds, on lines from which the digits were taken out."""


@lru_cache(maxsize=2048)
def _frame_may_hold_secret(frame: bytes) -> bool:
    return _HINT.search(frame) is not None


def may_hold_secret(line: bytes) -> bool:
    """Tell whether a line of a log is worth the thorough look; False means that `redact_value` would change nothing.

    The digits are taken out first. What is left of a metrics line is the same for all steps, so that a clean log
    costs one look-up a line.
    """
    frame = line.translate(None, b"0123456789")
    if len(frame) > 1024:
        return _HINT.search(frame) is not None
    return _frame_may_hold_secret(frame)


# ---- the machine's own secrets: command lines, addresses, environment

_FLAG: Final = re.compile(r"-{1,2}([A-Za-z][A-Za-z0-9_.-]*)$")
_ASSIGNMENT: Final = re.compile(r"(?P<name>[-+]{0,2}[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.+)", re.DOTALL)


def redact_arguments(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return a command line with the values of secret-named flags replaced.

    Known forms are `--token X`, `--token=X` and `db.password=X`; other arguments are searched by shape.
    """
    result: list[str] = []
    secret_follows = False
    for argument in arguments:
        assignment = _ASSIGNMENT.fullmatch(argument)
        if secret_follows and not argument.startswith("--"):
            clean = _replacement("secret-name")
        elif assignment and is_secret_name(assignment["name"]):
            clean = f"{assignment['name']}={_replacement('secret-name')}"
        else:
            clean = redact_text(argument)[0]
        flag = _FLAG.match(clean)
        secret_follows = bool(flag and is_secret_name(flag[1]))
        result.append(clean)
    return tuple(result)


_USERINFO: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@")


def strip_credentials(address: str) -> str:
    """Return an address without user and password (`https://user:pass@host/x` becomes `https://host/x`)."""
    return redact_text(_USERINFO.sub(r"\1", address))[0]


def environment_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of secret-named variables, longest first: what must stand in no line that is logged here.

    Short values and paths are left out, since replacing `true` or `/etc` would destroy more than it hides.
    """
    values = set()
    for name, value in environment.items():
        userinfo = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^/?#:@]{0,256}:([^/?#@]{6,256})@", value)
        if userinfo:
            values.add(userinfo[1])
        words = {word.lower() for word in _WORDS.findall(name)}
        named = is_secret_name(name) or words & {"password", "passwd", "secret", "apikey", "credentials"}
        is_path = value.startswith(("/", "~", "./")) or value[1:3] == ":\\"
        if named and len(value) >= 8 and not is_path:
            values.add(value)
    return tuple(sorted(values, key=lambda value: (-len(value), value)))
