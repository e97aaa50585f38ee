"""What is taken for a secret, what is not, and that looking never takes long."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.capture.redaction import (
    REDACTION_VERSION,
    SHAPES,
    environment_secrets,
    is_secret_name,
    may_hold_secret,
    redact_arguments,
    redact_text,
    redact_value,
    strip_credentials,
)
from reportgen.formats import encode_line

# Put together here, so that no scanner takes this file for a leak.
A36 = "aB3dE6gH9" * 4
HEX64 = "0123456789abcdef" * 4
SECRETS = {
    "ghp" + "_" + A36: "github-token",
    "github" + "_pat_" + A36: "github-token",
    "glpat" + "-" + A36[:20]: "gitlab-token",
    "AKIA" + "IOSFODNN7EXAMPLE": "aws-access-key",
    "AIza" + A36[:35]: "google-key",
    "hf" + "_" + "aBcDeFgHiJ" * 4: "hugging-face-token",
    "sk-ant" + "-api03-" + A36: "anthropic-key",
    "sk-proj" + "-" + A36: "openai-key",
    "sk" + "-" + A36: "openai-key",
    "xoxb" + "-1234567890-abcdef": "slack-token",
    "https://hooks.slack" + ".com/services/T0000/B0000/" + A36: "webhook",
    "https://discord" + ".com/api/webhooks/123456789012/" + A36: "webhook",
    "sk_live" + "_" + A36: "stripe-key",
    "SG" + "." + A36[:22] + "." + A36: "sendgrid-key",
    "npm" + "_" + A36: "npm-token",
    "pypi" + "-AgEIcHlwaS5vcmc" + A36 * 2: "pypi-token",
    "dckr" + "_pat_" + A36: "docker-token",
    "dapi" + HEX64[:32]: "databricks-token",
    "dop" + "_v1_" + HEX64: "digitalocean-token",
    "gsk" + "_" + A36 + A36: "groq-key",
    "wandb" + "_v1_" + A36: "wandb-key",
    "123456789" + ":AA" + A36[:33]: "telegram-token",
    "AccountKey" + "=" + A36 + A36 + "==": "azure-key",
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4": "jwt",
    "Bearer " + A36: "bearer",
    "Authorization: Basic " + A36: "basic-auth",
    "postgres://ada:" + "hunter22@db/x": "url-credentials",
    "https://" + A36 + "@host/x": "url-credentials",
    "password=" + "hunter2hunter2": "secret",
    "MY_API_KEY: " + "'abc123def456'": "secret",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----": "private-key",
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nMIIE torn": "private-key",
}


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
@pytest.mark.parametrize(("before", "after"), [("", ""), ("see ", " there"), ('"', '"'), ("ü=", ", x"), ("\n", "\n")])
def test_known_shapes_are_replaced_wherever_they_stand(secret: str, kind: str, before: str, after: str) -> None:
    clean, count = redact_text(before + secret + after)
    assert count == 1
    assert f"[redacted:{kind}]" in clean
    assert clean.startswith(before)
    if not secret.endswith("torn"):
        assert clean.endswith(after)
    assert redact_text(clean) == (clean, 0)


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items())
def test_the_quick_look_never_misses_what_the_thorough_one_finds(secret: str, kind: str) -> None:
    for event in (
        {"event": "note", "text": f"see {secret} there"},
        {"event": "params", "params": {"a": {"b": [1, secret]}}},
        {"event": "metrics", "metrics": {secret: 1.0}},
        {"event": "note", "text": "x" * 3000 + "\n" + secret},
        {"event": "note", "text": "\x01" + secret},
        {"event": "note", "text": "\x1f" + secret},
    ):
        assert redact_value(event)[1] >= 1, kind
        assert may_hold_secret(encode_line(event)), kind


def test_every_shape_has_an_example() -> None:
    assert {shape.kind for shape in SHAPES} == set(SECRETS.values())
    assert REDACTION_VERSION == 1


@pytest.mark.parametrize(
    "text",
    [
        "9fceb02d0ae598e95dc970b74767f19372d61af8", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "https://github.com/example/digits.git", "ssh://git@github.com/x", "git@github.com:example/digits.git",
        "s3://bucket/key", "1.0e-5", "task-1234567890123456789012345678901234567890", "hf_hub", "sk-learn",
        "tokenizer=bert-base", "password: required", "max_tokens=4096", "Basic understanding of the matter",
        "bearer of good news and of more", "key=value", "AKIA", "https://example.org/a:b@c", "eyJ",
        "-----BEGIN CERTIFICATE-----",
        "mask-language-modelling-with-a-very-long-name-indeed", "learning_rate=0.001", "api_key=None",
        "cosine_with_restarts",
        "2026-09-21T10:15:30.482913Z", "sha256:9f86d081884c7d659a2feaa0c55ad015", "user@example.org", "a" * 5000,
    ],
)  # fmt: skip
def test_ordinary_texts_stand(text: str) -> None:
    assert redact_text(text) == (text, 0)


@pytest.mark.parametrize(
    "name",
    [
        "password", "db.password", "DB_PASSWORD", "dbPassword", "api_key", "apiKey", "APIKEY", "OPENAI_API_KEY",
        "openaiApiKey", "access_token", "accessToken", "hf_token", "token", "auth-token", "secret", "client_secret",
        "aws_secret_access_key", "private_key", "passphrase", "credentials", "WANDB_API_KEY", "password2", "secrets",
    ],
)  # fmt: skip
def test_names_that_announce_a_secret(name: str) -> None:
    assert is_secret_name(name)
    assert redact_value({name: "x"}) == ({name: "[redacted:secret-name]"}, 1)
    assert may_hold_secret(encode_line({"event": "params", "params": {name: "x"}}))


@pytest.mark.parametrize(
    "name",
    [
        "pad_token", "eos_token", "max_tokens", "tokens", "tokenizer", "num_tokens", "key", "keys", "monkey", "author",
        "secretary", "passes", "bypass", "token_count", "tokens_per_second", "primary_key", "sort_key", "", "1", "損失",
    ],
)  # fmt: skip
def test_names_that_do_not(name: str) -> None:
    assert not is_secret_name(name)
    assert redact_value({name: "x"}) == ({name: "x"}, 0)


def test_values_are_searched_to_their_depth_and_otherwise_left_alone() -> None:
    token = "ghp" + "_" + A36
    clean = {"a": [1, {"b": "x"}], "n": 1.5, "none": None}
    value = {"keep": clean, "list": [token, {"password": "pw", "pin": 1}], token: {"secrets": {"a": "b", "n": 1}}}
    redacted, count = redact_value(value)
    assert count == 4
    assert redacted == {
        "keep": clean,
        "list": ["[redacted:github-token]", {"password": "[redacted:secret-name]", "pin": 1}],
        "[redacted:github-token]": {"secrets": {"a": "[redacted:secret-name]", "n": 1}},
    }
    assert redacted["keep"] is clean
    assert redact_value(redacted) == (redacted, 0)
    assert redact_value(clean)[0] is clean


def test_two_secret_keys_stay_two_entries() -> None:
    value = {"ghp" + "_" + A36: 1, "ghp" + "_" + A36 + "x": 2}
    redacted, count = redact_value(value)
    assert count == 2
    assert sorted(redacted.values()) == [1, 2]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(sorted(SECRETS)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.sampled_from(["password", "api_key", "a"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(JSON_VALUES)
def test_redaction_settles_and_the_quick_look_is_safe(value: Any) -> None:
    redacted, count = redact_value(value)
    assert redact_value(redacted) == (redacted, 0)
    if count:
        assert may_hold_secret(encode_line({"event": "x", "value": value}))
    else:
        assert redacted is value


def test_clean_lines_of_a_training_need_no_thorough_look() -> None:
    for step in range(100):
        metrics = {"train/loss": 1 / (step + 1), "tokens_per_second": 1e5 + step, "grad/norm": "NaN", "lr": 1e-5}
        assert not may_hold_secret(encode_line({"event": "metrics", "step": step, "time": 1e9, "metrics": metrics}))


HOSTILE = [
    "a" * 50_000, "://" * 20_000, "eyJ" * 20_000, "eyJ" + "a" * 50_000, "eyJaaaaaaaaa.eyJ" * 4_000,
    "-----BEGIN PRIVATE KEY" * 3_000,
    "-----BEGIN RSA PRIVATE KEY-----" * 2_000, "password=" * 8_000, "password='" + "x" * 50_000, "bearer " * 10_000,
    "Bearer " + "a" * 50_000, "SG." * 20_000, "SG." + ("a" * 60 + ".") * 1_000, "sk-" * 20_000, "AccountKey=" * 5_000,
    "https://" + ":" * 50_000, "https://" + "a:" * 25_000 + "@", "gh" * 25_000, "xoxb-" * 10_000,
    "0123456789:AA" * 4_000,
    "api_key: " + "a" * 80 + " " * 50_000, "pass" * 10_000 + "=", "_-" * 25_000 + "password=1",
    "https://discord.com/api/webhooks/" * 1_500,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:16])
def test_the_work_is_linear_in_hostile_texts(text: str) -> None:
    """A shape that goes back over what it has read would not be done with these before the day is over."""
    clean, count = redact_text(text)
    assert len(clean) <= len(text)
    assert may_hold_secret(text.encode()) or count == 0


def test_shapes_hold_no_repetition_without_bounds_but_those_that_consume() -> None:
    open_ended = {
        shape.kind
        for shape in SHAPES
        if re.search(r"(?<!\\)[*+](?!\])|\{\d+,\}", re.sub(r"\[[^\]]*\]", "C", shape.pattern.pattern))
    }
    assert open_ended <= {"private-key", "bearer", "basic-auth"}


# ---- the machine's own


@pytest.mark.parametrize(
    ("arguments", "clean"),
    [
        (["--token", "abc", "x"], ["--token", "#", "x"]),
        (["--password=abc"], ["--password=#"]),
        (["--api-key", "--verbose"], ["--api-key", "--verbose"]),
        (["db.password=abc", "+hf_token=x"], ["db.password=#", "+hf_token=#"]),
        (["--lr", "0.1", "--pad_token", "<pad>"], ["--lr", "0.1", "--pad_token", "<pad>"]),
        (["-token", "abc"], ["-token", "#"]),
        (["--secret"], ["--secret"]),
        (["--password", "-abc"], ["--password", "#"]),
    ],
)
def test_values_of_secret_flags_are_replaced(arguments: list[str], clean: list[str]) -> None:
    assert redact_arguments(arguments) == tuple(text.replace("#", "[redacted:secret-name]") for text in clean)


@pytest.mark.parametrize(
    ("address", "clean"),
    [
        ("https://user:pass@host/x.git", "https://host/x.git"),
        ("https://token@host/x.git", "https://host/x.git"),
        ("https://us@er:pa@ss@host/x", "https://host/x"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("ssh://git@host/x", "ssh://host/x"),
        ("/srv/git/x", "/srv/git/x"),
        ("https://host/x@y:z", "https://host/x@y:z"),
        ("", ""),
    ],
)
def test_addresses_lose_their_credentials(address: str, clean: str) -> None:
    assert strip_credentials(address) == clean


def test_secrets_of_the_environment_are_long_values_under_secret_names() -> None:
    environment = {
        "GITHUB_TOKEN": "long-enough-1", "DB_PASSWORD": "long-enough-22", "SHORT_TOKEN": "true",
        "PATH": "/usr/bin:/bin",
        "TOKENIZERS_PARALLELISM": "false-or-true", "SECRET_FILE": "/run/secrets/x",
        "AWS_SECRET_ACCESS_KEY": "long-enough-3",
        "DATABASE_URL": "postgres://ada:hunter22@db/x", "HOME": "/home/ada", "GIT_ASKPASS": "/usr/bin/askpass",
    }  # fmt: skip
    assert environment_secrets(environment) == ("long-enough-22", "long-enough-1", "long-enough-3", "hunter22")
