"""One test for each target-port pair, selected by all the means that pytest has. Nothing else gets a packet."""

from __future__ import annotations

import pytest
from servers import has_ipv6


@pytest.fixture
def pair(project, servers):
    """Two open servers in netmon.yaml, named `left` and `right`."""
    left, right = servers.open(), servers.open()
    project.write_targets(
        {"host": left.host, "ports": [left.port], "name": "left"},
        {"host": right.host, "ports": [right.port], "name": "right"},
    )
    project.left, project.right = left, right
    project.ids = [f"netmon.yaml::test_tcp[left:{left.port}]", f"netmon.yaml::test_tcp[right:{right.port}]"]
    return project


def connects(project):
    return project.left.connects, project.right.connects


def test_each_pair_is_a_test_with_the_id_that_a_user_expects(pair):
    result = pair.run("--netmon", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"{name.replace('[', '[[]')} PASSED*" for name in pair.ids])
    assert connects(pair) == (1, 1)


def test_hosts_and_ports_make_the_ids_where_there_is_no_name(project, servers):
    first, second = servers.open(), servers.closed()
    project.write_targets({"host": "127.0.0.1", "ports": [first.port, second.port]})
    result = project.run("--netmon", "--collect-only", "-q")
    assert result.outlines[:2] == [
        f"netmon.yaml::test_tcp[127.0.0.1:{first.port}]",
        f"netmon.yaml::test_tcp[127.0.0.1:{second.port}]",
    ]


def test_collect_only_sends_no_packet(pair):
    assert pair.run("--netmon", "--collect-only").ret == 0
    assert connects(pair) == (0, 0)
    assert not pair.has_artifacts


def test_setup_plan_sends_no_packet(pair):
    result = pair.run("--netmon", "--setup-plan")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*netmon_result*"])
    assert connects(pair) == (0, 0)


@pytest.mark.parametrize("option", ["--fixtures", "--markers", "--help", "--version"])
def test_what_only_informs_sends_no_packet(pair, option):
    assert pair.run("--netmon", option).ret == 0
    assert connects(pair) == (0, 0)


def test_keyword_selects(pair):
    pair.run("--netmon", "-k", "left").assert_outcomes(passed=1, deselected=1)
    assert connects(pair) == (1, 0)


def test_marker_selects_the_gate_among_other_tests(pair):
    pair.write("test_own.py", "def test_own(): pass\n")
    pair.run("--netmon", "-m", "netmon").assert_outcomes(passed=2, deselected=1)
    assert connects(pair) == (1, 1)


def test_marker_leaves_the_gate_out(pair):
    pair.write("test_own.py", "def test_own(): pass\n")
    result = pair.run("--netmon", "-m", "not netmon")
    result.assert_outcomes(passed=1, deselected=2)
    assert (result.ret, connects(pair), pair.has_artifacts) == (0, (0, 0), False)


def test_deselect_takes_an_id(pair):
    pair.run("--netmon", f"--deselect={pair.ids[0]}").assert_outcomes(passed=1, deselected=1)
    assert connects(pair) == (0, 1)


def test_an_exact_id_runs_that_test_only(pair):
    pair.run("--netmon", pair.ids[1]).assert_outcomes(passed=1)
    assert connects(pair) == (0, 1)


def test_an_exact_id_that_no_target_has_is_a_usage_error(pair):
    result = pair.run("--netmon", "netmon.yaml::test_tcp[nobody:1]")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: not found: *netmon.yaml::test_tcp*"])
    assert connects(pair) == (0, 0)


@pytest.mark.skipif(not has_ipv6(), reason="needs ::1")
def test_an_ipv6_target_runs_by_its_exact_id(project, servers):
    server = servers.open("::1")
    project.write_targets(server.target)
    name = f"netmon.yaml::test_tcp[[::1]:{server.port}]"
    assert project.run("--netmon", "--collect-only", "-q").outlines[0] == name
    project.run("--netmon", name).assert_outcomes(passed=1)
    assert server.connects == 1


def test_nothing_selected_is_not_green(pair):
    assert pair.run("--netmon", "-k", "nothing").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert connects(pair) == (0, 0)


def test_a_users_own_naming_of_functions_does_not_hide_the_gate(pair):
    pair.write("pytest.ini", "[pytest]\npython_functions = check_*\npython_classes = Check*\n")
    pair.run("--netmon").assert_outcomes(passed=2)


def test_imported_tests_left_out_does_not_hide_the_gate(pair):
    pair.write("pytest.ini", "[pytest]\ncollect_imported_tests = false\n")
    pair.run("--netmon").assert_outcomes(passed=2)


def test_the_projects_own_tests_run_beside_the_gate(pair):
    pair.write("conftest.py", "import pytest\n@pytest.fixture(autouse=True)\ndef own(): yield\n")
    pair.write("tests/test_own.py", "def test_own(): pass\n")
    result = pair.run("--netmon", "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["tests/test_own.py::test_own PASSED*", "netmon.yaml::test_tcp*"])


def test_a_path_argument_runs_only_that_file(pair, servers):
    server = servers.open()
    pair.write("test_own.py", "def test_own(): pass\n")
    pair.write_targets(server.target, name="deploy/netmon.yaml")
    result = pair.run("--netmon", "deploy/netmon.yaml", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"deploy/netmon.yaml::test_tcp[[]{server.target}] PASSED*"])
    assert (server.connects, connects(pair)) == (1, (0, 0))


def test_a_file_in_a_hidden_folder_is_found_by_its_path(project, servers):
    server = servers.open()
    project.write_targets(server.target, name=".deploy/net.yml")
    project.run("--netmon", ".deploy/net.yml").assert_outcomes(passed=1)
    project.run("--netmon", f".deploy/net.yml::test_tcp[{server.target}]").assert_outcomes(passed=1)
    project.run("--netmon-config=.deploy/net.yml").assert_outcomes(passed=1)
    assert server.connects == 3


def test_several_files_are_modules_of_their_own(project, servers):
    first, second = servers.open(), servers.open()
    project.write_targets(first.target, name="a.yaml")
    project.write_targets(second.target, name="b.yaml")
    result = project.run("--netmon", "--collect-only", "-q", "a.yaml", "b.yaml")
    assert result.outlines[:2] == [f"a.yaml::test_tcp[{first.target}]", f"b.yaml::test_tcp[{second.target}]"]


def test_an_included_target_is_a_test_of_the_file_that_was_named(project, servers):
    own, included = servers.open(), servers.open()
    project.write_targets(included.target, name="shared/base.yaml")
    project.write("a.yaml", f"include: [shared/base.yaml]\ntargets: ['{own.target}']\n")
    project.write_targets(servers.open().target, name="b.yaml")
    result = project.run("--netmon", "--collect-only", "-q", "b.yaml", "a.yaml")
    assert {f"a.yaml::test_tcp[{own.target}]", f"a.yaml::test_tcp[{included.target}]"} < set(result.outlines)
    project.run("--netmon", "b.yaml", f"a.yaml::test_tcp[{included.target}]").assert_outcomes(passed=2)
    assert (own.connects, included.connects) == (0, 1)


def test_a_yaml_file_as_argument_is_not_ours_without_an_option(pair):
    assert pair.run("netmon.yaml").ret == pytest.ExitCode.USAGE_ERROR
    assert connects(pair) == (0, 0)


def test_without_an_option_the_gate_is_off(pair):
    assert pair.run().ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert connects(pair) == (0, 0)


def test_targets_from_options_need_no_file(project, servers):
    server, other = servers.open(), servers.open()
    targets = f"--netmon-target={server.target},{other.target}"
    result = project.run(targets, "--collect-only", "-q")
    assert result.outlines[:2] == [f"netmon::test_tcp[{server.target}]", f"netmon::test_tcp[{other.target}]"]
    project.run(targets).assert_outcomes(passed=2)
    assert (server.connects, other.connects) == (1, 1)


def test_a_target_from_an_option_runs_by_its_exact_id(project, servers):
    server, other = servers.open(), servers.open()
    project.write("test_own.py", "def test_own(): pass\n")
    options = [f"--netmon-target={server.target}", f"--netmon-target={other.target}"]
    project.run(*options, f"netmon::test_tcp[{server.target}]").assert_outcomes(passed=1)
    assert (server.connects, other.connects) == (1, 0)


def test_an_exact_id_that_no_option_has_is_a_usage_error(project, servers):
    server = servers.open()
    result = project.run(f"--netmon-target={server.target}", "netmon::test_tcp[nobody:1]")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: not found: netmon::test_tcp[[]nobody:1]*"])
    assert server.connects == 0


def test_targets_from_options_replace_the_look_up(pair, servers):
    server = servers.open()
    pair.run("--netmon", f"--netmon-target={server.target}").assert_outcomes(passed=1)
    assert (server.connects, connects(pair)) == (1, (0, 0))


def test_targets_from_options_join_a_file_that_was_named(pair, servers):
    server = servers.open()
    options = ["--netmon-config=netmon.yaml", f"--netmon-target={server.target}"]
    assert pair.run(*options, "--collect-only", "-q").outlines[2] == f"netmon.yaml::test_tcp[{server.target}]"
    pair.run(*options).assert_outcomes(passed=3)
    assert (server.connects, connects(pair)) == (1, (1, 1))


def test_any_option_turns_the_gate_on(pair):
    pair.run("--netmon-timeout=2s").assert_outcomes(passed=2)


def test_the_ini_file_names_the_configuration(project, servers):
    server = servers.open()
    project.write_targets(server.target, name="deploy/net.yaml")
    project.write("pytest.ini", "[pytest]\nnetmon_config = deploy/net.yaml\n")
    assert project.run("--netmon", "--collect-only", "-q").outlines[0] == f"deploy/net.yaml::test_tcp[{server.target}]"


def test_an_option_goes_before_the_ini_file(project, servers):
    server = servers.open()
    project.write_targets("127.0.0.1:1", name="other.yaml")
    project.write_targets(server.target, name="deploy/net.yaml")
    project.write("pytest.ini", "[pytest]\nnetmon_config = other.yaml\n")
    project.run("--netmon-config=deploy/net.yaml").assert_outcomes(passed=1)


def test_a_file_outside_of_the_rootdir_has_an_id_that_works(project, servers, tmp_path_factory):
    server = servers.open()
    outside = tmp_path_factory.mktemp("outside")
    project.write_targets(server.target, name=str(outside / "net.yaml"))
    arguments = [f"--rootdir={project.path}", f"--netmon-config={outside}/net.yaml"]
    name = project.run(*arguments, "--collect-only", "-q").outlines[0]
    assert name.endswith(f"net.yaml::test_tcp[{server.target}]")
    project.run(*arguments, name).assert_outcomes(passed=1)
    assert server.connects == 1


def test_pytest_started_in_a_subfolder_finds_the_file_in_the_rootdir(pair, monkeypatch):
    (pair.path / "sub").mkdir()
    monkeypatch.chdir(pair.path / "sub")
    pair.run("--netmon", f"--rootdir={pair.path}").assert_outcomes(passed=2)


def test_skipped_targets_get_no_packet(project, servers):
    server, other = servers.open(), servers.open()
    project.write_targets(
        {"host": server.host, "ports": [server.port], "skip": "moved next week"},
        {"host": other.host, "ports": [other.port]},
    )
    result = project.run("--netmon", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*moved next week"])
    assert (server.connects, other.connects) == (0, 1)


def test_an_expected_failure_does_not_stop_a_deploy(project, servers):
    closed = servers.closed()
    project.write_targets({"host": closed.host, "ports": [closed.port], "xfail": "firewall change pending"})
    result = project.run("--netmon", "-rx")
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL*firewall change pending"])
    assert result.ret == 0


def test_an_expected_failure_that_has_gone_is_told(project, servers):
    server = servers.open()
    project.write_targets({"host": server.host, "ports": [server.port], "xfail": "firewall change pending"})
    project.run("--netmon").assert_outcomes(xpassed=1)


def test_last_failed_runs_what_failed(pair, servers):
    closed = servers.closed()
    pair.write("pytest.ini", "[pytest]\n")
    pair.write_targets(closed.target, pair.left.target)
    pair.run("--netmon").assert_outcomes(passed=1, failed=1)
    pair.run("--netmon", "--lf").assert_outcomes(failed=1)
    assert connects(pair) == (1, 0)


def test_failed_first_runs_what_failed_first(pair, servers):
    closed = servers.closed()
    pair.write("pytest.ini", "[pytest]\n")
    pair.write_targets(pair.left.target, closed.target)
    pair.run("--netmon")
    result = pair.run("--netmon", "--ff", "-v")
    result.stdout.fnmatch_lines([f"*{closed.port}] FAILED*", f"*{pair.left.port}] PASSED*"])


def test_last_failed_knows_targets_of_options_among_other_failures(project, servers):
    closed, server = servers.closed(), servers.open()
    project.write("pytest.ini", "[pytest]\n")
    project.write("test_own.py", "def test_own(): assert False\n")
    options = [f"--netmon-target={server.target},{closed.target}"]
    project.run(*options).assert_outcomes(passed=1, failed=2)
    project.run(*options, "--lf").assert_outcomes(failed=2, deselected=1)
    assert server.connects == 1


def test_stepwise_stops_and_continues(pair, servers):
    closed = servers.closed()
    pair.write("pytest.ini", "[pytest]\n")
    pair.write_targets(closed.target, pair.left.target)
    pair.run("--netmon", "--sw").assert_outcomes(failed=1)
    pair.run("--netmon", "--sw", "--sw-skip").assert_outcomes(failed=1, passed=1)
