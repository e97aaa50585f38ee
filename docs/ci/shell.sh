#!/bin/sh
# Review and publication from any machine that has a shell, Python and git: a CI system without a recipe of its own, a
# cron job, a laptop.
#
#   sh shell.sh review RUNS SITE     RUNS against SITE (folder or https:// address); writes review/, ends with 3 for a gate
#   sh shell.sh publish RUNS REMOTE  adds RUNS to the site on branch gh-pages of REMOTE
#
# With COMMENT=github, gitlab or bitbucket the review is put on a pull request: `reportgen init --print comment.py` says
# which variables tell where.
set -eu

: "${REPORTGEN_COMMAND:=reportgen}"

case "${1:-}" in
  review)
    [ $# -eq 3 ] || { echo "usage: sh shell.sh review RUNS SITE" >&2; exit 2; }
    status=0
    "$REPORTGEN_COMMAND" review --baseline "$3" --output review -- "$2" || status=$?
    if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then exit "$status"; fi
    if [ -n "${COMMENT:-}" ]; then
      script=$(mktemp)
      trap 'rm -f "$script"' EXIT
      "$REPORTGEN_COMMAND" init --print comment.py > "$script"
      python3 -I "$script" "$COMMENT" review/comment.md
    fi
    exit "$status"
    ;;
  publish)
    [ $# -eq 3 ] || { echo "usage: sh shell.sh publish RUNS REMOTE" >&2; exit 2; }
    "$REPORTGEN_COMMAND" publish --remote "$3" -- "$2"
    ;;
  *)
    echo "usage: sh shell.sh review RUNS SITE | publish RUNS REMOTE" >&2
    exit 2
    ;;
esac
