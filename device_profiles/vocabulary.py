"""The keys of facts that mean something: who writes a profile takes these, and doctor names the one that was meant."""

from collections.abc import Mapping
from typing import Final

_CLUSTERS: Final = ("little", "mid", "big", "prime")

# Read by the collectors.
READ: Final[Mapping[str, str]] = {
    "battery_current_unit": "uA, mA or A: what current_now counts in",
    "battery_current_positive": "charging or discharging: which way of the current is positive",
    "battery_node": "the folder of /sys/class/power_supply that is the battery",
    "battery_period_s": "how often the battery is asked",
    "battery_update_period_s": "how often its current is new",
    "battery_lag_s": "how far its current is behind",
    "battery_window_s": "over how long its current is averaged",
    "battery_current_resolution_a": "the step of its current",
    "battery_gain_ratio": "its power per true power",
    "battery_zero_a": "its current at none",
    "frequency_period_s": "how often the clocks are asked",
    "odpm_period_s": "how often the power rails are new, where the phone does not say",
    "thermalservice_type_shift_n": "by how much the types of its temperatures are above Android's",
    "update_period_s": "how often a sensor has a new value",
    "instant_window_s": "over how long a GPU's instant power is averaged",
    "average_window_s": "over how long a GPU's average power is averaged",
    "usage_is": "instant or average: which of both a GPU's power usage is",
    "gain_limit_ratio": "by how much a GPU's power may be off, as a share of it",
    "poll_period_s": "how often a counter or a chip is read",
    "power_limit_w": "what the device draws at most",
    "sample_rate_hz": "how often a meter samples",
    "voltage_low_v": "the lowest voltage that a meter sets",
    "voltage_high_v": "the highest voltage that a meter sets",
    "current_limit_a": "the highest current that a meter gives",
    "current_gain_ratio": "standard uncertainty of a meter's current, as a share",
    "current_offset_a": "standard uncertainty of a meter's current",
    "voltage_gain_ratio": "standard uncertainty of a meter's voltage, as a share",
    "voltage_offset_v": "standard uncertainty of a meter's voltage",
}

# What a device is, its clusters from the slowest on: one is big, two are little and big, three have a mid, four a prime
# above. Nothing is computed with these, unless somebody asks for published values.
_OF_A_CLUSTER: Final[Mapping[str, str]] = {
    "first_n": "the number of its first processor",
    "cores_n": "how many processors it has",
    "core": "what they are",
    "steps_n": "how many clocks it has",
    "highest_clock_hz": "its highest clock",
}
DESCRIBED: Final[Mapping[str, str]] = {
    "soc": "the chip",
    **{
        f"cpu_{cluster}_{what}": f"of the {cluster} cluster: {meaning}"
        for cluster in _CLUSTERS
        for what, meaning in _OF_A_CLUSTER.items()
    },
    "cpu_busy_w": "what the processors draw at their highest clock",
    "gpu": "the graphics unit",
    "gpu_steps_n": "how many clocks it has",
    "gpu_highest_clock_hz": "its highest clock",
    "gpu_busy_w": "what it draws at its highest clock",
    "gpu_busy_file": "the file that says how busy it is",
    "dsp": "the signal processor on which models run",
    "dsp_busy_w": "what it draws while it computes",
    "npu": "the accelerator on which models run",
    "memory_b": "the memory of the card: the GB of its data sheet, taken as GiB",
    "battery_nominal_coulomb": "its battery's charge when full: 3.6 C are 1 mAh",
    "battery_current_at_full": "what its current means at a full battery",
    "battery_signs": "where its files differ in the sign of the current",
    "battery_voltage_unit": "in what voltage_now counts, where that is not uV",
    "rail_shunt_ohm": "the shunts of its power rails",
    "rail_current_resolution_a": "the step of the currents of its power rails",
}
KNOWN: Final[Mapping[str, str]] = {**READ, **DESCRIBED}
