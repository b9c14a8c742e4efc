"""`netmon init`: a netmon.yaml to start from, or the step of a pipeline, on standard output."""

from __future__ import annotations

import sys

from .arguments import MET, Parser
from .init_file import config_text
from .init_pipelines import github_steps, gitlab_job
from .init_targets import Found, find_targets
from .targets_list import read_lines

_DESCRIPTION = """\
Write a netmon.yaml to standard output, every key explained in a comment; or,
with --github or --gitlab, the step of a pipeline that checks it."""
_EPILOG = """\
examples:
  netmon init > netmon.yaml
  netmon init --from hosts.txt > netmon.yaml
  netmon init --from .env > netmon.yaml
  netmon init --from .env --github"""


def main(argv: list[str]) -> int:
    """Run `netmon init` and return its exit status. Raises UsageError and ConfigurationError."""
    parser = Parser("netmon init", _DESCRIPTION, "netmon init [--from FILE] [--github | --gitlab]", _EPILOG)
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="targets, one a line (host port, host:port or a URL), or a .env file, whose values are not copied; "
        "- is stdin",
    )
    pipeline = parser.add_mutually_exclusive_group()
    pipeline.add_argument("--github", action="store_true", help="write steps for GitHub Actions")
    pipeline.add_argument("--gitlab", action="store_true", help="write a job for GitLab CI")
    options = parser.parse_args(argv)
    found = find_targets(read_lines(options.source)) if options.source else Found(())
    if options.github:
        sys.stdout.write(github_steps(found.variables))
    elif options.gitlab:
        sys.stdout.write(gitlab_job(found.variables))
    else:
        sys.stdout.write(config_text(found.targets, of_variables=bool(found.variables)))
    if found.passed_over:
        sys.stderr.write(f"netmon init: lines left out, with no URL and no host:port: {found.passed_over}\n")
    return MET
