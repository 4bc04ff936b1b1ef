"""Settings: precedence, origin, error lines; line numbers of TOML against hard layouts."""
# ruff: noqa: E501 - expected lines stay whole

from pathlib import Path

import pytest

from softswitch.config.load import config_file, load
from softswitch.config.problems import Refused
from softswitch.config.settings import SETTINGS
from softswitch.config.show import rows, settings_table
from softswitch.config.toml_lines import read_toml
from softswitch.model.address import Address, Listen, PortRange


def refused(text: str, tmp_path: Path, environ: dict[str, str] | None = None) -> list[str]:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(Refused) as caught:
        load(file, environ or {})
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_later_places_win_and_each_value_knows_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('data_dir = "/a"\n[sip]\nmax_calls = 3\nlisten = ["udp:127.0.0.1:5070"]\n[http]\nlisten = "127.0.0.1:1"\n')
    environ = {"SOFTSWITCH_SIP__MAX_CALLS": "5", "SOFTSWITCH_HTTP__LISTEN": "[::1]:8081"}
    settings = load(file, environ, {"http.listen": "127.0.0.1:0"})
    assert (settings.data_dir, settings.sip.max_calls) == (Path("/a"), 5)
    assert settings.sip.listen == (Listen("udp", "127.0.0.1", 5070),)
    assert settings.http.listen == Listen("http", "127.0.0.1", 0)
    origins = {row.key: row.origin for row in rows(settings)}
    assert origins["sip.listen"] == f"{file}:4" and origins["sip.max_calls"] == "SOFTSWITCH_SIP__MAX_CALLS"
    assert origins["http.listen"] == "command line" and origins["log.level"] == "default"
    assert settings.database_url == "sqlite:////a/softswitch.db"


def test_a_list_comes_as_json_from_the_environment() -> None:
    settings = load(None, {"SOFTSWITCH_SIP__LISTEN": '["udp:127.0.0.1:5060", "tls:[::1]:5061"]', "SOFTSWITCH_DATA_DIR": "/d"})
    assert [str(entry) for entry in settings.sip.listen] == ["udp:127.0.0.1:5060", "tls:[::1]:5061"]
    assert settings.data_dir == Path("/d")


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    text = '[sip]\nlisten = "udp:1"\nmax_cals = 1\n[media]\nports = "9-1"\nworkers = -1\n[nod]\nx = 1\n'
    environ = {"SOFTSWITCH_LOG__LEVEL": "loud", "SOFTSWITCH_SIP__QQQQ": "1", "SOFTSWITCH_SERVICE_HOST": "k8s", "PATH": "/"}
    assert refused(text, tmp_path, environ) == [
        's.toml:2: sip.listen: expected a list such as ["udp:0.0.0.0:5060"], got "udp:1"',
        "s.toml:3: sip.max_cals: expected a setting, got an unknown key (did you mean sip.max_calls?)",
        's.toml:5: media.ports: expected "FIRST-LAST" with ports 1 to 65535, got "9-1"',
        "s.toml:6: media.workers: expected a whole number ≥ 0, got -1",
        "s.toml:7: nod: expected a setting, got an unknown key",
        'SOFTSWITCH_LOG__LEVEL: log.level: expected one of debug info warning error, got "loud"',
        "SOFTSWITCH_SIP__QQQQ: sip.qqqq: expected a setting, got an unknown key",
    ]


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    (line,) = refused("[sip]\nmax_calls = \n", tmp_path)
    assert line.startswith("s.toml:2: expected TOML, got: ")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="expected a readable TOML file"):
        load(tmp_path / "none.toml", {})


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_file(None, {}) is None
    Path("softswitch.toml").touch()
    assert config_file(None, {}) == Path("softswitch.toml")
    assert config_file(None, {"SOFTSWITCH_CONFIG": "/x"}) == Path("/x")
    assert config_file(Path("y"), {"SOFTSWITCH_CONFIG": "/x"}) == Path("y")


def test_a_database_password_is_not_shown() -> None:
    shown = {row.key: row.value for row in rows(load(None, {"SOFTSWITCH_DATABASE__URL": "postgresql://me:s3cret@db/x"}))}
    assert shown["database.url"] == '"postgresql://me:***@db/x"'


def test_the_table_for_the_readme_has_every_setting_once() -> None:
    table = settings_table()
    assert [table.count(f"| `{setting.key}` |") for setting in SETTINGS] == [1] * len(SETTINGS)


def test_lines_in_hard_layouts() -> None:
    text = '''# comment [x]
a = """
[not.a.table]
"""
b.c = { d = 1, "e.f" = [1,
  2, # two
  "#3]" ] }

[[t]]
n = 1
[t.sub]
"quoted key" = 1979-05-27 07:32:00
[[t]]
n = \'\'\'x
y\'\'\'
l = [
  [1, 2],
  { deep = true },
]
[t.sub.more]
z = 1e3
'''
    _, lines = read_toml(text, "f")
    paths = {
        ("a",): 2, ("b", "c"): 5, ("b", "c", "d"): 5, ("b", "c", "e.f", 0): 5, ("b", "c", "e.f", 1): 6, ("b", "c", "e.f", 2): 7,
        ("t", 0): 9, ("t", 0, "n"): 10, ("t", 0, "sub"): 11, ("t", 0, "sub", "quoted key"): 12, ("t", 1): 13, ("t", 1, "n"): 14,
        ("t", 1, "l"): 16, ("t", 1, "l", 0): 17, ("t", 1, "l", 0, 1): 17, ("t", 1, "l", 1, "deep"): 18,
        ("t", 1, "sub", "more", "z"): 21, ("t", 1, "missing"): 13, ("nowhere",): 1,
    }  # fmt: skip
    assert {path: lines.of(path) for path in paths} == paths


@pytest.mark.parametrize(
    ("text", "address"),
    [("192.0.2.1", Address("192.0.2.1")), ("a.example:5080", Address("a.example", 5080)), ("2001:db8::1", Address("2001:db8::1")),
     ("[2001:db8::1]:5060", Address("2001:db8::1", 5060))],
)  # fmt: skip
def test_addresses_are_read_and_written_back(text: str, address: Address) -> None:
    assert Address.parse(text) == address and str(address) == text


@pytest.mark.parametrize("text", ["", ":5060", "a b", "host:", "host:99999", "[::1", "ho/st"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match='expected "host" or "host:port"'):
        Address.parse(text)


def test_a_port_range_needs_two_ports() -> None:
    assert str(PortRange.parse("20000-29999")) == "20000-29999"
    with pytest.raises(ValueError, match="FIRST-LAST"):
        PortRange.parse("20000")


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "bomb",
    ['"a".' * 200_000 + "b = 1", "[" + "a." * 100_000 + "b]", "x = {" + "a . " * 50_000 + "b = 1}", "a = " + "[" * 500_000],
    ids=["quoted", "header", "inline", "arrays"],
)
def test_what_is_nested_beyond_reason_is_refused_at_once(bomb: str) -> None:
    with pytest.raises(Refused):
        read_toml(bomb, "f")
    assert read_toml('x = "' + "a." * 1000 + '"\n', "f")[0] == {"x": "a." * 1000}
