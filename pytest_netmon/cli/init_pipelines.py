"""The step of a pipeline that runs `netmon check`, for GitHub Actions and GitLab CI. Pure."""

from __future__ import annotations

from collections.abc import Sequence

#: Releases by their commit: a tag can be moved. v7.0.0 each.
SETUP_PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"
UPLOAD_ARTIFACT = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"

_INSTALL = "python -m pip install pytest-netmon"
_CHECK = "netmon check netmon.yaml -o netmon.json --junit netmon-junit.xml --html netmon.html"

_GITHUB = """\
# Steps of a job in .github/workflows/, before the one that deploys. A broken limit fails the job.
- uses: {setup_python}  # v7.0.0
  with:
    python-version: "3.13"
- name: Is everything reachable?
{environment}  run: |
    {install}  # or a clone or wheel of it
    {check}
- uses: {upload_artifact}  # v7.0.0
  if: always()
  with:
    name: netmon
    path: |
      netmon.json
      netmon-junit.xml
      netmon.html
"""
_GITLAB = """\
# A job of .gitlab-ci.yml, in a stage before the one that deploys. A broken limit fails it.
{environment}netmon:
  stage: test
  image: python:3.13-slim
  script:
    - {install}  # or a clone or wheel of it
    - {check}
  artifacts:
    when: always
    paths: [netmon.json, netmon-junit.xml, netmon.html]
    reports:
      junit: netmon-junit.xml
"""


def github_steps(variables: Sequence[str] = ()) -> str:
    """Return the steps; `variables` are what netmon.yaml needs from the environment, taken from secrets."""
    lines = ["  env:"] + [f"    {name}: ${{{{ secrets.{name} }}}}" for name in variables] if variables else []
    return _GITHUB.format(
        setup_python=SETUP_PYTHON,
        upload_artifact=UPLOAD_ARTIFACT,
        install=_INSTALL,
        check=_CHECK,
        environment="".join(f"{line}\n" for line in lines),
    )


def gitlab_job(variables: Sequence[str] = ()) -> str:
    """Return the job; `variables` are what netmon.yaml needs from the environment, set in the project's settings."""
    names = ", ".join(variables)
    environment = f"# It needs these CI/CD variables of the project: {names}\n" if names else ""
    return _GITLAB.format(environment=environment, install=_INSTALL, check=_CHECK)
