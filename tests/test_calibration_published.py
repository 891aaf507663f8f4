"""Published calibrations: every number tagged with how sure it is; units are never guessed."""

import pytest

from edgewatt.device_profiles.published import FOLDER, TAGS, parse, published, published_names
from edgewatt.profiler.calibration.calibration import calibration_of_rows, merged, table_of
from edgewatt.profiler.errors import UsageError

HEAD = 'name = "x"\ntitle = "a testbed"\nsource = "a paper"\ndate = "2026-11-26"\n[devices.a]\nname = "A"\n'
SAID = '\ntag = "remembered"\nplace = "table 1"\n'


def test_every_number_has_its_tag_and_place() -> None:
    assert len(published_names()) >= 7
    for name in published_names():
        calibration = published(name)
        for table in calibration.tables.values():
            for row in table.to_pylist():
                _, _, tag = row["source"].rpartition(": ")
                assert tag in TAGS
                assert row["basis"] == ("assumed" if tag == "assumed" else "published")


def test_the_phones_of_autoscale_are_as_published() -> None:
    rows = {(row["device_id"], row["unit"]): row for row in published("autoscale").rows("power")}
    phone = rows["mi8pro", "cpu"]
    assert (phone["busy_w"], phone["steps_n"], phone["frequency_hz"]) == (5.5, 23, 2.8e9)
    assert rows["galaxy_tab_s6", "cpu"]["busy_w"] is None
    assert len(published("autoscale").rows("models", device_id="mi8pro")) == 10


def test_the_tiers_of_autofl_are_as_published() -> None:
    fleet = [row for row in published("autofl").rows("devices") if row["devices_n"]]
    assert [(row["tier"], row["devices_n"]) for row in fleet] == [("high", 30), ("mid", 70), ("low", 100)]
    assert [row["step_s"] for row in published("autofl").rows("training_step")] == [0.0143, 0.0249, 0.0363]


def test_times_over_batches_are_as_published() -> None:
    rows = published("s15").rows("training_step", device_id="xiaomi", model="mobilenet")
    assert [(row["batch"], row["step_s"]) for row in rows] == [
        (1, 0.403),
        (2, 0.671),
        (4, 1.139),
        (8, 2.249),
        (16, 4.525),
    ]


def test_rows_of_every_device_join_those_of_any() -> None:
    both = merged(published("green_fl"), published("eafl"))
    assert both.rows("components", component="hyper_dc", state="active")[0]["pue_ratio"] == 1.09
    assert merged(published("green_fl"), published("green_fl")).table("components").num_rows > 0
    with pytest.raises(UsageError, match="rows of 'high' in power"):
        merged(both, calibration_of_rows(both.head, {"power": both.rows("power")}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[power]]\nunit = "cpu"\nbusy = 5.5' + SAID, "'busy' has no unit; expected busy_w"),
        ('[[power]]\nunit = "cpu"\nbusy_mw = 5500' + SAID, "rename it to busy_w and divide by 1e3"),
        ("[[radio]]\nsend_mbps = 40" + SAID, "rename it to send_b_per_s and multiply by 125e3"),
        (
            '[[power]]\nunit = "cpu0"\nbusy_w = 2500.0' + SAID,
            "row 1, busy_w is 2500.0, expected a number from 0 to 100",
        ),
        ('[[power]]\nunit = "cpu"\nbusy_w = "5.5"' + SAID, "busy_w is '5.5', expected a number"),
        ("[[power]]\nunit = 7\nbusy_w = 5.5" + SAID, "unit is 7, expected a text"),
        ('[[power]]\nunit = "cpu"\nsteps_n = 2.5' + SAID, "steps_n is 2.5, expected a whole number"),
        ('[[power]]\nunit = "cpu"\nsteps_n = 5000000000' + SAID, "expected a whole number of 32 bits"),
        ('[[power]]\ndevice_id = "b"' + SAID, "device_id is 'b', expected one of a"),
        ("[[power]]\nvolts = 1.0" + SAID, "'volts' is no column of power"),
        ('[[power]]\nbasis = "measured"' + SAID, "'basis' is no column of power"),
        ('[[power]]\nbusy_w = 1.0\nplace = "table 1"\n', "key 'tag' is missing"),
        ('[[power]]\nbusy_w = 1.0\ntag = "sure"\nplace = "t"\n', "tag is 'sure', expected one of confirmed"),
        ('[[power]]\nbusy_w = 1.0\ntag = "confirmed"\nplace = " "\n', "place is ' '"),
        ("[[powers]]\nbusy_w = 1.0" + SAID, "key 'powers' is unknown"),
        ("[[power]\n", "not TOML"),
    ],
)
def test_a_table_with_a_slip_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse((HEAD + text).encode(), "x.toml")
    assert said in str(refused.value)
    assert "x.toml" in str(refused.value)


def test_what_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"neither a \.toml file nor one of autofl"):
        published("nobody")
    with pytest.raises(UsageError, match="cannot be read"):
        published("absent.toml")
    with pytest.raises(UsageError, match=r"date is '26\.11\.2026'"):
        parse(HEAD.replace("2026-11-26", "26.11.2026").encode(), "x.toml")


def test_a_file_is_named_as_it_calls_itself() -> None:
    for path in FOLDER.glob("*.toml"):
        assert published(path).head.versions == {"published": path.stem}


def test_a_column_that_a_table_has_not_is_our_own_fault() -> None:
    with pytest.raises(KeyError, match="power has no column watts"):
        table_of("power", [{"watts": 1}])
