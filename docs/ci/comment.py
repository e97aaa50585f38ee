"""Puts the comment of `reportgen review` on a pull request: replaces the one of an earlier run, else adds one.

    python3 comment.py github|gitlab|bitbucket COMMENT.md

reportgen itself posts nothing and needs no token; this script does, with the token of the job in REPORTGEN_TOKEN. It
needs Python alone. Where it posts comes from the variables that the CI system sets:

    github     GITHUB_API_URL, GITHUB_REPOSITORY, and the number in PULL
    gitlab     CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID
    bitbucket  BITBUCKET_REPO_FULL_NAME, BITBUCKET_PR_ID

An earlier comment is known by its first line, the marker, and by who wrote it: AUTHOR where that is set, else the user
whose token it is, with a job's own token in GitHub Actions github-actions[bot]. For the token of a GitHub App AUTHOR is
"NAME[bot]". Somebody else's comment is never touched.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT_S = 30
TRIES = 4
MAX_PAGES = 100
SLOW_DOWN = (429, 500, 502, 503, 504)


class Refused(Exception):  # noqa: N818 - an answer
    """The forge did not do what it was asked; `status` is what it answered with, 0 for no answer."""

    def __init__(self, told, status=0):
        super().__init__(told)
        self.status = status


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token would go along to wherever it leads."""

    def redirect_request(self, *_, **__):
        return None


class Forge:
    """What the three forges do alike; each says where its comments are and how one looks."""

    text = "body"
    change = "PATCH"

    def __init__(self, environment):
        self.environment = environment
        self.opener = urllib.request.build_opener(NoRedirects)

    def variable(self, name, default=""):
        value = self.environment.get(name) or default
        if not value:
            raise Refused(f"{name} is not set: see the beginning of comment.py")
        return value

    def number(self, name):
        value = self.variable(name)
        if not value.isascii() or not value.isdigit():
            raise Refused(f"{name} is no number")
        return value

    def ask(self, method, address, data=None):
        body = None if data is None else json.dumps(data).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "reportgen", **self.headers()}
        request = urllib.request.Request(address, body, headers, method=method)
        for left in reversed(range(TRIES)):
            try:
                with self.opener.open(request, timeout=TIMEOUT_S) as answer:
                    return json.load(answer), answer.headers
            except urllib.error.HTTPError as error:
                if error.code not in SLOW_DOWN or not left:
                    told = {401: ": the token is not valid", 403: ": the token may not write comments"}
                    where = urllib.parse.urlsplit(address).path
                    raise Refused(
                        f"{method} {where} was answered with {error.code}{told.get(error.code, '')}", error.code
                    ) from None
            except (OSError, ValueError) as error:
                if method == "POST" or not left:  # a second one could become a second comment
                    raise Refused(f"{method} {address.partition('?')[0]} failed: {error}") from None
            time.sleep(float(self.environment.get("COMMENT_WAIT_S", 2)) * (TRIES - left))
        raise AssertionError("the last try returns or raises")

    def comments(self):
        """Yield (address, author, text) of the comments that are there, the oldest first."""
        for page in range(1, MAX_PAGES + 1):
            found, _ = self.ask("GET", f"{self.address()}?per_page=100&page={page}{self.order}")
            for comment in found:
                yield self.seen(comment)
            if len(found) < 100:
                return

    def put(self, text):
        """Replace our comment, or add it, and return where it is."""
        marker = text.splitlines()[0].strip()
        if not marker.startswith("<!-- reportgen review") or not marker.endswith("-->"):
            raise Refused("the first line of the comment is no marker: is it the comment.md of `reportgen review`?")
        own = self.author()
        for address, author, there in self.comments():
            if author == own and there.splitlines()[:1] and there.splitlines()[0].strip() == marker:
                return self.shown(self.ask(self.change, address, self.made(text))[0])
        return self.shown(self.ask("POST", self.address(), self.made(text))[0])

    def made(self, text):
        return {self.text: text}


class GitHub(Forge):
    order = ""

    def headers(self):
        return {"Authorization": f"Bearer {self.variable('REPORTGEN_TOKEN')}", "Accept": "application/vnd.github+json"}

    def author(self):
        if self.environment.get("AUTHOR"):
            return self.environment["AUTHOR"]
        try:
            return self.ask("GET", f"{self.variable('GITHUB_API_URL', 'https://api.github.com')}/user")[0]["login"]
        except Refused as refused:
            if refused.status == 403 and self.environment.get("GITHUB_ACTIONS"):  # a job's own token is no user's
                return "github-actions[bot]"
            raise

    def base(self):
        return f"{self.variable('GITHUB_API_URL', 'https://api.github.com')}/repos/{self.variable('GITHUB_REPOSITORY')}"

    def address(self):
        return f"{self.base()}/issues/{self.number('PULL')}/comments"

    def seen(self, comment):
        login = (comment.get("user") or {}).get("login")
        return f"{self.base()}/issues/comments/{int(comment['id'])}", login, comment.get("body") or ""

    def shown(self, comment):
        return comment.get("html_url", "")


class GitLab(Forge):
    change = "PUT"
    order = "&sort=asc&order_by=created_at"

    def headers(self):
        return {"PRIVATE-TOKEN": self.variable("REPORTGEN_TOKEN")}

    def author(self):
        return self.ask("GET", f"{self.variable('CI_API_V4_URL')}/user")[0]["id"]

    def address(self):
        project, request = self.number("CI_PROJECT_ID"), self.number("CI_MERGE_REQUEST_IID")
        return f"{self.variable('CI_API_V4_URL')}/projects/{project}/merge_requests/{request}/notes"

    def seen(self, note):
        return f"{self.address()}/{int(note['id'])}", (note.get("author") or {}).get("id"), note.get("body") or ""

    def shown(self, note):
        page = self.environment.get("CI_MERGE_REQUEST_PROJECT_URL", "")
        return f"{page}/-/merge_requests/{self.number('CI_MERGE_REQUEST_IID')}#note_{int(note['id'])}"


class Bitbucket(Forge):
    change = "PUT"

    def headers(self):
        return {"Authorization": f"Bearer {self.variable('REPORTGEN_TOKEN')}"}

    def base(self):
        return self.variable("BITBUCKET_API_URL", "https://api.bitbucket.org/2.0")

    def author(self):
        return self.ask("GET", f"{self.base()}/user")[0]["uuid"]

    def address(self):
        name, request = self.variable("BITBUCKET_REPO_FULL_NAME"), self.number("BITBUCKET_PR_ID")
        return f"{self.base()}/repositories/{name}/pullrequests/{request}/comments"

    def comments(self):
        address = f"{self.address()}?pagelen=100"
        for _ in range(MAX_PAGES):
            found, _headers = self.ask("GET", address)
            for comment in found.get("values", []):
                if not comment.get("deleted"):
                    author = (comment.get("user") or {}).get("uuid")
                    yield f"{self.address()}/{int(comment['id'])}", author, comment["content"].get("raw") or ""
            address = found.get("next", "")
            if not address.startswith(f"{self.base()}/"):
                return

    def made(self, text):
        return {"content": {"raw": text}}

    def shown(self, comment):
        return comment.get("links", {}).get("html", {}).get("href", "")


FORGES = {"github": GitHub, "gitlab": GitLab, "bitbucket": Bitbucket}


def main(arguments, environment):
    if len(arguments) != 2 or arguments[0] not in FORGES:
        print(f"usage: comment.py {'|'.join(FORGES)} COMMENT.md", file=sys.stderr)
        return 2
    try:
        with open(arguments[1], encoding="utf-8") as file:
            text = file.read()
        if not text.strip():
            raise Refused("the comment is empty")
        print(f"comment: {FORGES[arguments[0]](environment).put(text)}")
    except (Refused, OSError, KeyError, TypeError, ValueError) as error:
        print(f"comment.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
