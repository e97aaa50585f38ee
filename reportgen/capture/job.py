"""Which job a run is: pod and node, batch job, CI pipeline, as tags. Read from a list of variables and no others.

The variables are those that Kubernetes (through the downward API), Slurm, PBS, LSF, GitHub, GitLab and Jenkins set for
a job. Names of hosts are not among them: a node is named where whoever wrote the pod's description passes it on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from reportgen.formats import clean_text

MAX_VALUE: Final = 250
"""Characters that are kept of a value."""


class System(NamedTuple):
    """A system that runs jobs, and what it says of one."""

    name: str
    """Value of the tag `ci`, where it is one that runs pipelines, else empty."""
    sign: str
    """The variable without which none of the others is this system's."""
    tags: Mapping[str, tuple[str, ...]]
    """Tag -> variables; the first that has a value counts."""


SYSTEMS: Final = (
    System(
        "",
        "KUBERNETES_SERVICE_HOST",
        {
            "k8s.pod": ("K8S_POD_NAME", "POD_NAME"),
            "k8s.namespace": ("K8S_NAMESPACE", "POD_NAMESPACE"),
            "k8s.node": ("K8S_NODE_NAME",),
            "k8s.job": ("K8S_JOB_NAME",),
            "k8s.index": ("JOB_COMPLETION_INDEX",),
            "k8s.image": ("K8S_IMAGE",),
        },
    ),
    System(
        "",
        "SLURM_JOB_ID",
        {
            "slurm.job": ("SLURM_JOB_ID",),
            "slurm.name": ("SLURM_JOB_NAME",),
            "slurm.array": ("SLURM_ARRAY_JOB_ID",),
            "slurm.task": ("SLURM_ARRAY_TASK_ID",),
            "slurm.partition": ("SLURM_JOB_PARTITION",),
        },
    ),
    System("", "PBS_JOBID", {"pbs.job": ("PBS_JOBID",), "pbs.name": ("PBS_JOBNAME",)}),
    System("", "LSB_JOBID", {"lsf.job": ("LSB_JOBID",), "lsf.name": ("LSB_JOBNAME",)}),
    System(
        "github",
        "GITHUB_RUN_ID",
        {
            "ci.run": ("GITHUB_RUN_ID",),
            "ci.attempt": ("GITHUB_RUN_ATTEMPT",),
            "ci.workflow": ("GITHUB_WORKFLOW",),
            "ci.job": ("GITHUB_JOB",),
            "ci.branch": ("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
            "ci.pull_request": ("GITHUB_REF",),
        },
    ),
    System(
        "gitlab",
        "GITLAB_CI",
        {
            "ci.run": ("CI_PIPELINE_ID",),
            "ci.job": ("CI_JOB_NAME",),
            "ci.job_id": ("CI_JOB_ID",),
            "ci.branch": ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME"),
            "ci.pull_request": ("CI_MERGE_REQUEST_IID",),
        },
    ),
    System(
        "jenkins",
        "JENKINS_URL",
        {
            "ci.run": ("BUILD_TAG",),
            "ci.job": ("JOB_NAME",),
            "ci.branch": ("CHANGE_BRANCH", "BRANCH_NAME"),
            "ci.pull_request": ("CHANGE_ID",),
        },
    ),
)
"""In the order in which their tags are written."""


def read_job(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that name the job, none where no such system runs it. Nothing but variables is looked at."""
    tags: dict[str, str] = {}
    for system in SYSTEMS:
        if not environment.get(system.sign):
            continue
        if system.name:
            tags["ci"] = system.name
        for tag, variables in system.tags.items():
            read = _READ.get(tag, str)
            value = next(filter(None, (read(environment.get(name, "")) for name in variables)), "")
            if value:
                tags[tag] = clean_text(value)[:MAX_VALUE]
    return tags


def _pull_request(text: str) -> str:
    """Return the number in `12` or `refs/pull/12/merge`, empty for any other ref."""
    found = re.fullmatch(r"(?:refs/pull/)?(\d{1,12})(?:/(?:merge|head))?", text)
    return found[1] if found else ""


def _number_of_job(text: str) -> str:
    """Return what stands before the name of the server: `123[4].server.site.org` becomes `123[4]`."""
    return text.partition(".")[0]


_READ: Final[Mapping[str, Callable[[str], str]]] = {"ci.pull_request": _pull_request, "pbs.job": _number_of_job}
