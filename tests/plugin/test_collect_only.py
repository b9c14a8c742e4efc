"""`--collect-only` says what would be done, with the limits in force, and sends nothing."""

from __future__ import annotations


def test_limits_are_shown_with_where_they_came_from(project, servers):
    server = servers.open()
    project.write(
        "netmon.yaml",
        "defaults: {limits: [max < 9s]}\n"
        f"targets: [{{host: '{server.target}', name: api, limits: [success >= 99%]}}, '127.0.0.1:1']\n",
    )
    result = project.run("--netmon", "--collect-only", "--netmon-limit=p50 < 5s", "-k", "api")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "* netmon *",
            f"api:{server.port} (127.0.0.1, netmon.yaml:2:11): 20 checks every 250 ms, timeout 3 s",
            "    limit  max < 9s        (defaults)",
            "    limit  success >= 99%  (target)",
            "    limit  p50 < 5s        (option)",
            "1 endpoint, planned 4.8 s at up to 4.0 checks/s; nothing was sent",
        ]
    )
    assert server.connects == 0
    assert not project.has_artifacts


def test_quietly_only_the_ids_are_listed(project, servers):
    project.write_targets(servers.open().target)
    assert "nothing was sent" not in project.run("--netmon", "--collect-only", "-q").stdout.str()


def test_a_run_shows_no_plan(project, servers):
    project.write_targets(servers.open().target)
    assert "nothing was sent" not in project.run("--netmon").stdout.str()
