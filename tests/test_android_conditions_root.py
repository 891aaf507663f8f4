"""Conditions that take root or a charger that listens: clusters as files, and a gauge whose current is the proof."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.android.conditions import Conditions
from edgewatt.collectors.android.conditions.radios import is_wireless
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.stub_phone import StubPhone, stub_phone
from tests.trees import write

CPUFREQ = "devices/system/cpu/cpufreq"
POLICIES = {
    0: ("300000", "1800000", "300000 600000 1800000", "schedutil performance"),
    4: ("500000", "2400000", "500000 1804800 2400000", "schedutil performance userspace"),
}
GAUGE = "class/power_supply/battery"
SERVICE = "Current Battery Service state:\n  USB powered: true\n  status: 2\n  level: 50\n  scale: 100"


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubPhone]:
    with stub_phone(tmp_path) as stub:
        yield stub


@pytest.fixture
def clusters(stub: StubPhone) -> Path:
    """Two clusters, whose files may be written, on a phone whose shell is root."""
    stub.set("uid", "0")
    for number, (low, high, steps, governors) in POLICIES.items():
        for name, text in (
            ("scaling_min_freq", low),
            ("scaling_max_freq", high),
            ("cpuinfo_min_freq", low),
            ("cpuinfo_max_freq", high),
            ("scaling_available_frequencies", f"{steps} "),
            ("scaling_available_governors", governors),
            ("scaling_governor", "schedutil"),
        ):
            stub.node(f"{CPUFREQ}/policy{number}/{name}", text)
    return stub.sysfs / CPUFREQ


def limits(clusters: Path) -> list[str]:
    names = ("scaling_min_freq", "scaling_max_freq")
    return ["-".join((clusters / f"policy{n}" / name).read_text().strip() for name in names) for n in POLICIES]


def charge(stub: StubPhone, *, current: int, status: str = "Charging", online: int = 1) -> Path:
    gauge = stub.sysfs / GAUGE
    for name, text in (("type", "Battery"), ("status", status), ("current_now", current), ("voltage_now", 4_000_000)):
        stub.node(f"{GAUGE}/{name}", text)
    stub.node("class/power_supply/usb/type", "USB")
    stub.node("class/power_supply/usb/online", online)
    for name, text in (("gauge", str(gauge)), ("current", str(current)), ("dumpsys/battery", SERVICE)):
        stub.set(name, text)
    return gauge


@pytest.mark.parametrize(
    ("value", "pinned"),
    [
        ("max", ["1800000-1800000", "2400000-2400000"]),
        ("min", ["300000-300000", "500000-500000"]),
        ("1804800000", ["1800000-1800000", "1804800-1804800"]),
        ("300000000", ["300000-300000", "500000-500000"]),
    ],
)
def test_frequency_is_pinned_on_every_cluster(stub: StubPhone, clusters: Path, value: str, pinned: list[str]) -> None:
    before = limits(clusters)
    conditions = Conditions(stub.phone)
    conditions.apply("frequency", value)
    assert limits(clusters) == pinned
    conditions.undo("frequency")
    assert limits(clusters) == before


def test_governor_of_each_cluster_is_put_back(stub: StubPhone, clusters: Path) -> None:
    write(clusters / "policy4/scaling_governor", "userspace")
    conditions = Conditions(stub.phone)
    conditions.apply("governor", "performance")
    assert [(clusters / f"policy{n}/scaling_governor").read_text().strip() for n in POLICIES] == ["performance"] * 2
    conditions.undo("governor")
    assert [(clusters / f"policy{n}/scaling_governor").read_text().strip() for n in POLICIES] == [
        "schedutil",
        "userspace",
    ]


def test_speed_is_set_where_the_governor_leaves_it_to_the_user(stub: StubPhone, clusters: Path) -> None:
    write(clusters / "policy4/scaling_governor", "userspace")
    speed = stub.node(f"{CPUFREQ}/policy4/scaling_setspeed", "500000")
    conditions = Conditions(stub.phone)
    conditions.apply("frequency", "max")
    assert speed.read_text().strip() == "2400000"
    conditions.undo("frequency")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("frequency", "1234567000", "no cluster .* has that step; they have policy0: 300000000 600000000 1800000000"),
        ("frequency", "1800000001", "no cluster"),
        ("governor", "turbo", "policy0 of adb:R58M12ABCDE has schedutil, performance"),
    ],
)
def test_steps_and_governors_that_are_not_there_are_named(
    stub: StubPhone, clusters: Path, name: str, value: str, said: str
) -> None:
    before = limits(clusters)
    with pytest.raises(UsageError, match=said):
        Conditions(stub.phone).apply(name, value)
    assert limits(clusters) == before


def test_frequency_takes_root(stub: StubPhone, clusters: Path) -> None:
    before = limits(clusters)
    stub.set("uid", "2000")
    with pytest.raises(DeviceError, match=r"cannot set frequency=min: adb's shell there is not root"):
        Conditions(stub.phone).apply("frequency", "min")
    assert limits(clusters) == before


@pytest.mark.parametrize("usage", ['[ "$1" = -c ] || exit 1; shift', '[ "$1 $2 $3" = "0 sh -c" ] || exit 1; shift 3'])
def test_su_of_either_kind_is_root(stub: StubPhone, clusters: Path, tmp_path: Path, usage: str) -> None:
    stub.set("uid", "2000")
    as_root = 'PATH="$STATE/root:$PATH" sh -c "$1"'
    write(tmp_path / "bin/su", f"#!/bin/sh\n{usage}\n{as_root}").chmod(0o755)
    write(tmp_path / "state/root/id", "#!/bin/sh\necho 0").chmod(0o755)
    conditions = Conditions(stub.phone)
    conditions.apply("frequency", "min")
    assert limits(clusters) == ["300000-300000", "500000-500000"]
    conditions.undo("frequency")
    assert limits(clusters) == ["300000-1800000", "500000-2400000"]


def test_limits_that_are_not_kept_are_an_error(stub: StubPhone, clusters: Path, tmp_path: Path) -> None:
    before = limits(clusters)
    stub.set("uid", "2000")
    only_says_so = '#!/bin/sh\ncase "$*" in *"id -u"*) echo 0 ;; esac'
    write(tmp_path / "bin/su", only_says_so).chmod(0o755)
    with pytest.raises(
        DeviceError, match=r"frequency=max was not taken: policy0=300000-1800000 .*The phone's own services"
    ):
        Conditions(stub.phone).apply("frequency", "max")
    assert limits(clusters) == before


def test_cluster_without_limits_is_named(stub: StubPhone, clusters: Path) -> None:
    write(clusters / "policy4/scaling_max_freq", "nothing")
    with pytest.raises(DeviceError, match=r"limits there read policy0=300000-1800000 policy4=500000-None"):
        Conditions(stub.phone).apply("frequency", "max")


@pytest.mark.parametrize("current", [450_000, -450_000])
def test_charging_is_off_when_the_current_turned_round(stub: StubPhone, current: int) -> None:
    gauge = charge(stub, current=current)
    conditions = Conditions(stub.phone)
    conditions.apply("charging", "off")
    assert (gauge / "current_now").read_text().strip() == str(-current)
    conditions.undo("charging")
    assert (gauge / "current_now").read_text().strip() == str(current)
    assert not [command for command in stub.shell.commands if "unplug" in command or "battery set" in command]


def test_status_that_changes_while_current_flows_on_is_no_proof(stub: StubPhone) -> None:
    charge(stub, current=450_000)
    stub.set("current", "-300000")  # suspend_input turns that into the +300000 of a charger that goes on
    with pytest.raises(
        DeviceError, match=r"charging=off was not taken: the current reads 300000 .it was 450000., with Disc"
    ):
        Conditions(stub.phone).apply("charging", "off")


def test_charger_of_which_nobody_knows_how_to_stop_it(stub: StubPhone) -> None:
    charge(stub, current=450_000)
    stub.deafen("battery")
    with pytest.raises(DeviceError, match=r"was not taken.*Unknown command: suspend_input.*adb over Wi-Fi"):
        Conditions(stub.phone).apply("charging", "off")


@pytest.mark.parametrize(("name", "before", "off"), [("charging_enabled", "1", "0"), ("input_suspend", "0", "1")])
def test_charger_is_told_by_its_file_with_root(stub: StubPhone, name: str, before: str, off: str) -> None:
    stub.set("uid", "0")
    gauge = charge(stub, current=450_000)
    node = stub.node(f"{GAUGE}/{name}", before)
    conditions = Conditions(stub.phone)
    with pytest.raises(DeviceError, match=r"charging=off was not taken: the current reads 450000"):
        conditions.apply("charging", "off")
    assert node.read_text().strip() == before
    (gauge / "current_now").unlink()
    (gauge / "current_now").symlink_to("signed")  # what a charger does: the sign follows the file
    write(gauge / "signed", "450000")
    node.unlink()
    node.symlink_to(gauge / "signed")
    with pytest.raises(DeviceError, match=rf"the current reads {off} "):
        conditions.apply("charging", "off")


def test_phone_on_its_battery_needs_nothing(stub: StubPhone) -> None:
    charge(stub, current=-450_000, status="Discharging", online=0)
    Conditions(stub.phone).apply("charging", "off")
    assert not list(stub.shell.tmp.iterdir())


def test_faked_battery_is_not_believed(stub: StubPhone) -> None:
    charge(stub, current=450_000)
    stub.set("dumpsys/battery", SERVICE.replace(":\n", ":\n  (UPDATES STOPPED -- use 'reset' to restart)\n", 1))
    with pytest.raises(DeviceError, match=r"is faked .*dumpsys battery reset"):
        Conditions(stub.phone).apply("charging", "off")


def test_charging_without_a_gauge_cannot_be_proved(stub: StubPhone) -> None:
    stub.set("dumpsys/battery", SERVICE)
    with pytest.raises(DeviceError, match=r"current of its battery cannot be read.*docs/phones.md"):
        Conditions(stub.phone).apply("charging", "off")


@pytest.mark.parametrize(
    ("uri", "wireless"),
    [
        ("adb:R58M12ABCDE", False),
        ("adb:emulator-5554", False),
        ("adb:192.168.1.20:5555", True),
        ("adb:adb-R58M12ABCDE-x1Y2z3._adb-tls-connect._tcp", True),
        ("adb+tcp://192.168.1.20:5555", True),
    ],
)
def test_wifi_is_not_cut_under_adb_itself(stub: StubPhone, uri: str, wireless: bool) -> None:  # noqa: FBT001
    phone = stub.named(uri)
    assert is_wireless(phone) is wireless
    if wireless:
        with pytest.raises(DeviceError, match=r"cannot set wifi=off: adb itself"):
            Conditions(phone).apply("wifi", "off")


@pytest.mark.parametrize("kept", [True, False])
def test_airplane_mode_over_wifi_only_where_wifi_stays(stub: StubPhone, kept: bool) -> None:  # noqa: FBT001
    phone = stub.named("adb+tcp://192.168.1.20:5555")
    phone.sleep, phone.monotonic_s = stub.phone.sleep, stub.phone.monotonic_s
    if not kept:
        stub.deafen("settings")
    conditions = Conditions(phone)
    try:
        if kept:
            conditions.apply("airplane", "on")
            assert (stub.get("settings/global/airplane_mode_on"), stub.get("settings/global/wifi_on")) == ("1", "1")
            conditions.undo("airplane")
        else:
            with pytest.raises(DeviceError, match=r"airplane mode would turn off Wi-Fi"):
                conditions.apply("airplane", "on")
        assert stub.get("settings/global/airplane_mode_on") == "0"
    finally:
        phone.monotonic_s = time.monotonic
        phone.guard.close()
