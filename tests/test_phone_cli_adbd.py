"""The verbs with phones, as a user types them, against real adbds: what they say, measure and leave."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.adbd.running import PeerPhone, StartPhone
from tests.adbd.server import AdbServer
from tests.phone_commands import AT_WORK, Command, left_on, profiling, started, until
from tests.shell import edgewatt, edgewatt_json

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(200)]

# A gauge that is read once a second has to be seen several times.
LONGER = ("--seconds", "4", "--idle", "5")
PERSONALITIES = ("pixel", "xiaomi_ma", "adreno", "samsung")
Profiles = dict[str, tuple[PeerPhone, Path, Command]]


@pytest.fixture(scope="module")
def profiles(
    shared_phones: Callable[[str], PeerPhone], adb_server: AdbServer, tmp_path_factory: pytest.TempPathFactory
) -> Profiles:
    """Every phone profiled, all at once; adreno through the adb server."""
    found: Profiles = {}
    for name in PERSONALITIES:
        phone, run = shared_phones(name), tmp_path_factory.mktemp(name) / "run"
        uri = f"adb:{adb_server.connect(phone)}" if name == "adreno" else phone.uri
        found[name] = (
            phone,
            run,
            profiling(uri, run, *LONGER, AT_WORK, "--json", environment=adb_server.environment),
        )
    for _, _, command in found.values():
        command.ends()
    return found


@pytest.mark.parametrize("name", PERSONALITIES)
def test_profile_measures_what_is_true(name: str, profiles: Profiles) -> None:
    phone, run, command = profiles[name]
    assert command.process.returncode == 0, command.errors
    said = command.json()
    rows = {row["energy_source"]: row for row in said["results"]}
    battery = rows["phone/battery"]
    idle_w, busy_w = phone.truth.battery_w
    edges_w = (busy_w - idle_w) / 4  # what steps that a gauge of 1 Hz sees late may cost in 4 s
    repeats = pq.read_table(run / "repeats.parquet").to_pylist()
    for repeat in (row for row in repeats if row["energy_source"] == "phone/battery"):
        assert repeat["power_idle_w"] == pytest.approx(idle_w, abs=edges_w / 2)
        assert repeat["power_w"] == pytest.approx(busy_w, abs=edges_w)
        assert repeat["energy_gross_j"] == pytest.approx(4 * repeat["power_w"], rel=0.03)
    assert battery["latency_s_mean"] == 0.002
    assert battery["latency_s_p90"] is None
    assert battery["idle_state"] == "screen_on"
    assert "not_set:wakelock" in battery["quality_reasons"]
    assert all(row["temperature_start_c"] is not None for row in repeats)
    assert left_on(phone) == []


def test_rails_are_measured_to_their_truth(profiles: Profiles) -> None:
    phone, _, command = profiles["pixel"]
    rows = {row["energy_source"]: row for row in command.json()["results"]}
    clusters = [watts for rail, watts in phone.truth.rails_w.items() if "CPUCL" in rail]
    assert rows["phone/cpu"]["power_idle_w"] == pytest.approx(sum(idle for idle, _ in clusters), rel=0.02)
    assert rows["phone/cpu"]["power_w"] == pytest.approx(sum(busy for _, busy in clusters), rel=0.05)


def test_run_of_a_phone_goes_through_every_verb(profiles: Profiles, tmp_path: Path) -> None:
    old, new = profiles["pixel"][1], profiles["samsung"][1]
    assert edgewatt("export", old, new, "--to", "csv", "-o", tmp_path / "table.csv").returncode == 0
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 1 + 4 + 1
    assert edgewatt("compare", old, old).returncode in (0, 4)
    assert edgewatt("compare", old, new, "--match", "model").returncode == 3
    assert edgewatt("record", "-d", f"replay:{old}", "-o", tmp_path / "again").returncode == 0
    again, first = (
        {row["energy_source"]: row["energy_gross_j_mean"] for row in edgewatt_json("process", run)["results"]}
        for run in (tmp_path / "again", old)
    )
    assert again == first


def test_doctor_says_what_it_sees_and_what_is_in_the_way(pixel: PeerPhone, adreno: PeerPhone) -> None:
    done = edgewatt("doctor", "-d", pixel.uri)
    assert done.returncode == 0
    assert done.stdout.startswith("Google Pixel 6 · Android 15 ")
    assert max(map(len, done.stdout.splitlines())) <= 120
    for text in ("energy       phone/battery  boundary gauge", "wakelock: adb's shell is not root", "fix: adb "):
        assert text in done.stdout
    assert "permission denied" in edgewatt("doctor", "-d", adreno.uri).stdout


def test_only_phone_needs_no_name_and_two_do(
    pixel: PeerPhone, samsung: PeerPhone, adb_server: AdbServer, adreno: PeerPhone
) -> None:
    for phone in (pixel, samsung, adreno):
        adb_server.disconnect(phone.serial)
    environment = adb_server.environment
    none = started("doctor", "-d", "adb:", environment=environment)
    assert "no phone is connected" in none.fails(6)
    adb_server.connect(pixel)
    one = started("doctor", "-d", "adb:", "--json", environment=environment)
    assert one.ends() == 0
    assert one.json()["devices"][0]["name"] == "Google Pixel 6 · Android 15"
    adb_server.connect(samsung)
    two = started("doctor", "-d", "adb:", "--json", environment=environment)
    line = two.fails(6)
    assert pixel.serial in line
    assert samsung.serial in line
    assert set(two.json()) == {"error", "exit_code"}
    unknown = started("record", "-d", "adb:R58M12ABCDE", "-o", "never", environment=environment)
    assert "knows no device 'R58M12ABCDE'" in unknown.fails(6)


def test_unauthorised_phone_says_what_to_tap(pixel: PeerPhone, bridge: Callable[..., object], tmp_path: Path) -> None:
    at = bridge(pixel, "refuse")
    command = started("doctor", "-d", at.uri, environment={"HOME": str(tmp_path)})  # type: ignore[attr-defined]
    line = command.fails(6)
    assert "tap Allow" in line
    assert "waited" not in line
    assert (tmp_path / ".android" / "adbkey").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def rooted(fresh_phone: StartPhone) -> Iterator[PeerPhone]:
    phone = fresh_phone("pixel", rooted=True)
    yield phone
    until(lambda: left_on(phone) == [])
    assert conditions(phone) == ["schedutil", "Awake", "102", "1"]


def conditions(phone: PeerPhone) -> list[str]:
    governor = phone.read("/sys/devices/system/cpu/cpufreq/policy4/scaling_governor").strip()
    states = ("wakefulness", "settings/system/screen_brightness", "settings/system/screen_brightness_mode")
    return [governor, *map(phone.state, states)]


SET = ("--set", "governor=performance", "--set", "screen=off", "--set", "brightness=10")


@pytest.mark.parametrize("how", ["to its end", "killed"])
def test_conditions_hold_during_the_run_and_are_put_back(how: str, rooted: PeerPhone, tmp_path: Path) -> None:
    command = profiling(rooted.uri, tmp_path / "run", *SET, "--json")
    command.reaches("repeat 1 of 2")
    assert conditions(rooted) == ["performance", "Asleep", "10", "0"]
    if how == "killed":
        command.process.kill()
        assert command.ends() == -9
        return
    assert command.ends() == 0
    row = command.json()["results"][0]
    assert row["idle_state"] == "awake"  # by the wakelock of the kernel
    assert not any(reason.startswith("not_") for reason in row["quality_reasons"])


def test_detached_sampler_gives_what_it_logged(pixel: PeerPhone, tmp_path: Path) -> None:
    words = ("record", "-d", f"{pixel.uri}?sampler=detached", "--seconds", "3", "-o", tmp_path / "run")
    said = edgewatt_json(*words)
    assert said["streams"]["phone-odpm0"] > 60
    assert said["gaps"] == 0
    assert left_on(pixel) == []
