"""What each system reads from a calibration, and what produces it: the coverage matrix, as data.

The columns are those of the facts: AutoScale (Kim & Wu, MICRO 2020), GreenScale (arXiv 2304.00404), AutoFL (Kim & Wu,
MICRO 2021), FedGPO (Kim & Wu, IISWC 2022), HeteroSwitch (MLSys 2024), SAFE (NAACL 2025); which of them were read in the
papers and which are remembered stands in docs/calibration-coverage.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# The steps of `calibrate --collect`, and `isp`, which is `calibrate isp`.
STEPS: Final = (
    "cpu",
    "memory",
    "radio",
    "offload",
    "thermal",
    "co_runner",
    "inference",
    "training",
    "interactive",
    "isp",
)
USER, PUBLISHED = "user input", "published"
SYSTEMS: Final = ("autoscale", "greenscale", "autofl", "fedgpo", "heteroswitch", "safe")

# What produces a table, or one column of it where that is otherwise. The first is how a user gets it.
ORIGINS: Final[Mapping[str, tuple[str, ...]]] = {
    "power": ("cpu", "inference", "memory"),
    "idle": ("cpu",),
    "radio": ("radio",),
    "offload": ("offload",),
    "inference": ("inference",),
    "inference.accuracy_ratio": (USER,),
    "inference.co_cpu_ratio": ("co_runner",),
    "inference.co_memory_ratio": ("co_runner",),
    "training_step": ("training",),
    "training_step.update_b": ("training", USER),
    "co_runner": ("co_runner",),
    "thermal": ("thermal",),
    "throttling": ("thermal",),
    "charge": ("interactive",),
    "frames": ("interactive",),
    "models": (USER,),
    "isp": ("isp",),
    "devices": (USER,),
    "components": (),
    "fits": ("cpu", "radio", "thermal"),
}
# What the published calibrations, and power_profile.xml of a phone, have a value of.
PUBLISHED_COLUMNS: Final = frozenset(
    f"{table}.{column}"
    for table, columns in {
        "power": "unit cores_n steps_n frequency_hz busy_w on_w",
        "radio": "interface send_w receive_w radio_idle_w",
        "offload": "to interface model send_s",
        "training_step": "model batch frequency_hz step_s",
        "co_runner": "model slowdown_ratio",
        "models": "model conv_n fc_n rc_n qos_s",
        "devices": "tier devices_n memory_b battery_j flop_per_s power_ratio",
        "components": "component application state power_w utilisation_ratio pue_ratio energy_j_per_bit embodied_kg "
        "lifetime_s use_ratio",
        "fits": "fit of term unit value over valid_low valid_high",
    }.items()
    for column in columns.split()
)


@dataclass(frozen=True, slots=True)
class Need:
    """A column as the paper or its data call it, and the `column` of a calibration that holds it.

    `column` is `table.column`; None for what stands elsewhere or is not read, and `note` says where, or why.
    """

    paper: str
    column: str | None
    note: str = ""


def origins_of(column: str) -> tuple[str, ...]:
    """What produces `table.column`: steps, "user input" or "published". Raises KeyError for an unknown table."""
    found = ORIGINS.get(column, ORIGINS[column.partition(".")[0]])
    return (*found, PUBLISHED) if column in PUBLISHED_COLUMNS else found


_POWER: Final = (
    Need("unit", "power.unit"),
    Need("cores_active", "power.cores_n"),
    Need("freq_khz", "power.frequency_hz", "x 1,000"),
    Need("p_busy_mw, p_busy_w", "power.busy_w", "mW / 1,000; each busy core, `power.on_w` for the first"),
    Need("p_busy_mw, p_busy_w", "power.on_w", "what the first busy core of a cluster adds"),
    Need("p_idle_mw, p_idle_w", "power.idle_w", "of the unit, where it can be told apart"),
    Need("p_base_mw", "idle.idle_w", "the device awake, nothing executed"),
    Need("n_samples, n", "power.observations_n"),
    Need("ci95_mw, ci95_w", "power.busy_low_w", "an interval, not a half width"),
    Need("ci95_mw, ci95_w", "power.busy_high_w"),
    Need("temp_c", "power.temperature_c"),
    Need("meter_id, method", "power.energy_source"),
)
_RADIO: Final = (
    Need("iface, radio", "radio.interface"),
    Need("rssi_dbm_lo", "radio.rssi_low_dbm"),
    Need("rssi_dbm_hi", "radio.rssi_high_dbm"),
    Need("p_tx_mw, p_tx_w", "radio.send_w"),
    Need("p_rx_mw, p_rx_w", "radio.receive_w"),
    Need("tx_mbps, uplink_mbps, up_mbps", "radio.send_b_per_s", "Mbit/s x 125,000"),
    Need("rx_mbps, downlink_mbps, down_mbps", "radio.receive_b_per_s", "Mbit/s x 125,000"),
)
_TAIL: Final = (Need("tail_ms", "radio.tail_s"), Need("tail_w", "radio.tail_w"))
_RADIO_MORE: Final = (
    Need("p_idle_mw", "radio.radio_idle_w"),
    Need("rtt_ms_p50", "radio.rtt_p50_s"),
    Need("rtt_ms_p95", "radio.rtt_p95_s"),
    Need("n", "radio.observations_n"),
)
_OFFLOAD: Final = (
    Need("t_tx_ms, t_net_ms", "offload.send_s"),
    Need("t_rx_ms, t_net_ms", "offload.receive_s"),
    Need("t_remote_ms, t_comp_ms of the server", "offload.remote_s"),
    Need("bytes_tx, bytes_up", "offload.sent_b"),
    Need("bytes_rx, bytes_down", "offload.received_b"),
    Need("rssi_wlan_dbm, rssi_p2p_dbm", "offload.rssi_dbm"),
    Need("target{edge:*|cloud:*}", "offload.to"),
)
_CO_RUNNER: Final = (
    Need("co_cpu_pct", "co_runner.co_cpu_ratio", "/ 100"),
    Need("co_mem_pct", "co_runner.co_memory_ratio", "/ 100"),
    Need("latency_ms beside a co-runner", "co_runner.slowdown_ratio"),
    Need("energy beside a co-runner", "co_runner.power_w"),
)
_LAYERS: Final = (
    Need("n_conv", "models.conv_n", "as the paper counts, not as the graph has them"),
    Need("n_fc", "models.fc_n"),
    Need("n_rc", "models.rc_n"),
)
_TRAINING: Final = (
    Need("model", "training_step.model"),
    Need("target", "training_step.target"),
    Need("freq_khz", "training_step.frequency_hz"),
    Need("batch_size", "training_step.batch"),
    Need("step_ms_mean, s_per_sample", "training_step.step_s", "a step of the batch; / batch for one sample"),
    Need("step_ms_p95", "training_step.step_p95_s"),
    Need("step_energy_mj, energy_mj_per_step", "training_step.energy_j"),
    Need("peak_mem_mb", "training_step.memory_peak_b"),
)
_TRAINING_BESIDE: Final = (
    Need("co_cpu_pct", "co_runner.co_cpu_ratio", "/ 100"),
    Need("co_mem_pct", "co_runner.co_memory_ratio", "/ 100"),
    Need("s_per_sample beside a co-runner", "co_runner.slowdown_ratio", "of the network while it infers"),
)
_FLEET: Final = (
    Need("tier", "devices.tier"),
    Need("N of a tier", "devices.devices_n", "how many of it the testbed has"),
    Need("power of a tier", "devices.power_ratio", "over that of the fastest device; where no watts were measured"),
    Need("update_bytes", "models.update_b"),
    Need("p_idle_w, screen off, radio on", "idle.idle_w"),
    Need("classes per client, bandwidth_mbps(t), co_cpu_pct(t)", None, "the scenario of `simulate` draws them"),
    Need("time_in_state_ms, util_pct over time", None, "channels of the runs themselves; fitted into `power`"),
)

_HEAT: Final = (
    Need("temperature from which it slows", "thermal.trip_c", "without a row heat is assumed"),
    Need("speed that it keeps", "thermal.sustained_ratio"),
    Need("speed over temperature", "throttling.speed_ratio"),
    Need("its temperatures", "throttling.temperature_c"),
    Need("kelvin per watt", "thermal.resistance_k_per_w"),
    Need("its time constant", "thermal.time_constant_s"),
    Need("the room's temperature", "thermal.ambient_c"),
    Need("leakage per kelvin", "thermal.leakage_w_per_k"),
)

NEEDS: Final[Mapping[str, tuple[Need, ...]]] = {
    "autoscale": (
        *_POWER,
        *_RADIO,
        *_RADIO_MORE,
        Need("model_id", "inference.model"),
        Need("target", "inference.target"),
        Need("precision", "inference.precision"),
        Need("freq_khz", "inference.frequency_hz"),
        Need("threads", "inference.threads"),
        Need("latency_ms", "inference.latency_s"),
        Need("latency_ms p95", "inference.latency_p95_s"),
        Need("energy_meas_mj", "inference.energy_j"),
        Need("busy_ms_by_freq, idle_ms", "inference.busy_ratio", "x latency; the frequency is pinned"),
        Need("acc_pct, acc_fp32, acc_fp16, acc_int8", "inference.accuracy_ratio"),
        Need("temp_c", "inference.temperature_c"),
        *_OFFLOAD,
        *_CO_RUNNER,
        *_HEAT,
        *_LAYERS,
        Need("macs_m", "models.macs_n", "x 10^6"),
        Need("in_bytes", "models.input_b"),
        Need("out_bytes", "models.output_b"),
        Need("qos_ms", "models.qos_s"),
        Need(
            "energy_est_mj", None, "computed: power x time in state, the fit `energy_estimate` says how far it is off"
        ),
        Need("acc_req_pct, scenario{S1..S5,D1..D4}", None, "options of `simulate`"),
        Need("soc, fw_build, meter_hz, volt_uv", None, "the head, and the manifests of its runs"),
        Need("batt_pct, ts_ns, run_id", None, "in the runs; no decision reads them"),
    ),
    "greenscale": (
        Need("component", "components.component"),
        Need("state{idle|active|tx|rx}", "components.state"),
        Need("p_mw of a component", "components.power_w"),
        Need("util_pct", "components.utilisation_ratio", "/ 100"),
        Need("pue", "components.pue_ratio"),
        Need("j_per_bit", "components.energy_j_per_bit"),
        Need("ecf_kgco2e", "components.embodied_kg"),
        Need("lifetime_h", "components.lifetime_s", "x 3,600"),
        Need("use_ratio", "components.use_ratio"),
        Need("p_mw of the mobile device, idle", "idle.idle_w"),
        Need("t_comp_ms on the mobile device", "inference.latency_s"),
        Need("energy_mj on the mobile device", "inference.energy_j"),
        *_OFFLOAD[:5],
        Need("bytes_up of a network", "models.input_b"),
        Need("bytes_down of a network", "models.output_b"),
        Need("deadline of a network", "models.qos_s"),
        *_RADIO,
        Need("app_id{game|arvr}", "frames.application"),
        Need("fps", "frames.rate_hz"),
        Need("energy_mj of a frame", "frames.power_w", "/ rate"),
        *_CO_RUNNER[:3],
        Need("ts_start_utc", "charge.t0_s", "s since 1970"),
        Need("ts_end_utc", "charge.t1_s"),
        Need("energy_in_mwh", "charge.energy_in_j", "x 3.6"),
        Need("level before, after", "charge.level_from_ratio", "what of the battery a charge filled"),
        Need("level before, after", "charge.level_to_ratio"),
        Need("plug_type", "charge.plug"),
        Need("n_users_shared", None, "an option of `simulate`"),
        Need("gco2e_per_kwh, kind, scope, resolution_s, estimated", None, "the trace of a zone, given to `simulate`"),
        Need("bom_ref, soc_area_mm2, process_nm, dram_gb", None, "a bill of materials, given to `simulate`"),
    ),
    "autofl": (*_POWER[:7], *_RADIO, *_TRAINING[:6], *_TRAINING_BESIDE, *_LAYERS, *_FLEET),
    "fedgpo": (
        *_POWER[:7],
        *_RADIO,
        *_TAIL,
        *_TRAINING,
        *_TRAINING_BESIDE,
        Need("mem_free_mb", "devices.free_memory_b", "refuses a batch that does not fit"),
        *_LAYERS,
        *_FLEET,
        Need("B, E, K", None, "the actions of `simulate`"),
    ),
    "heteroswitch": (
        Need("device_model", "isp.device"),
        Need("reference device", "isp.reference", "what the gains and the gamma are against"),
        Need("as_shot_neutral, wb_gains[3]", "isp.gain_r_ratio", "against a reference device, of paired photographs"),
        Need("as_shot_neutral, wb_gains[3]", "isp.gain_g_ratio"),
        Need("as_shot_neutral, wb_gains[3]", "isp.gain_b_ratio"),
        Need("tone_curve", "isp.gamma_ratio", "one exponent"),
        Need("market_share", "devices.share_ratio"),
        Need("ms per batch of white balance, gamma, averaging", "training_step.step_s"),
        Need("mJ per batch of white balance, gamma, averaging", "training_step.energy_j"),
        Need("L_init, L_train, L_EMA, switch1, switch2", None, "`simulate` produces them"),
        Need("color_matrix, black and white level, cfa, jpeg_quality", None, "not emulated"),
    ),
    "safe": (
        Need("step_time_s", "training_step.step_s"),
        Need("energy_J", "training_step.energy_j"),
        Need("its source", "training_step.energy_source"),
        Need("peak_alloc_bytes", "training_step.memory_peak_b"),
        Need("temperature", "training_step.temperature_c"),
        Need("clock", "training_step.frequency_hz"),
        Need("idle_W", "idle.idle_w"),
        Need("frozen_prefix_len", "training_step.frozen_prefix_n", "told by the training loop"),
        Need("frozen_layers", "training_step.frozen_n", "told by the training loop"),
        Need("trainable_params", "training_step.trainable_n", "told by the training loop"),
        Need("saved_activation_bytes", "training_step.activation_b", "told by the training loop"),
        Need("flops_fwd, flops_bwd", None, "`simulate` counts them as it trains"),
        Need("step, epoch", None, "`simulate` produces them"),
    ),
}
