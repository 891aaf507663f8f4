"""The real peer for tests of Android: Debian 13's adbd in phone-like trees, with faults on demand.

Each phone is a process in user, mount, PID and network namespaces of its own: adbd chrooted, as uid 2000, into a tree
with mksh as /bin/sh, toybox, a generated /sys, and scripts named getprop, dumpsys, cmd, settings, svc, input, am, wm.
A relay listens on 127.0.0.1 outside and adbd only inside. Everything ends with the test process, and leaves nothing.
The first start downloads about 9 MB through the machine's own apt (packages.py); where that or the namespaces are not
to be had, the fixtures skip and say why. Starting a phone takes about 0.3 s.

In a test module (no import needed beyond that, and no change to conftest.py):

    pytest_plugins = ["tests.adbd.fixtures"]
    pytestmark = pytest.mark.peer

    def test_x(pixel: PeerPhone) -> None: ...        # from tests.adbd.running import PeerPhone, StartPhone

(not from tests.adbd.fixtures: pytest warns of a plugin that was imported before it registers it)

Fixtures
    pixel, xiaomi_ma, adreno, samsung   a PeerPhone, shared by the session; `reset()` after each test, so that faults,
                                        states and files of one test never reach the next
    fresh_phone                         fresh_phone("pixel", rooted=True) starts one that is this test's own; options
                                        as of running.start: tmp_size_b, alive, rooted, settable, states
    shared_phones                       a function: shared_phones("pixel"), without the reset
    adb_server                          an AdbServer (server.py) of the session: .port, .adb, .environment (for
                                        subprocesses; in process: monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", ...)),
                                        .connect(phone) -> serial, .disconnect(serial), .run(*arguments)
    bridge                              bridge(phone, "accept" | "refuse" | "wait") -> Bridge (bridge.py: .uri .port
                                        .asked()): the same phone behind adbkit's bridge, which wants an RSA key

PeerPhone (running.py)
    uri, host, port, serial             adb+tcp://127.0.0.1:PORT, and its parts
    truth                               what is true (personality.Truth); `personality` has nodes and properties too
    delay(s) buffers(b) hide(*features) freeze() thaw() cut() unplug() plug() counts()         the way to it
    kill_adbd(shells=False) start_adbd() stop_adbd() continue_adbd() freeze_adbd(s) -> Timer   adbd itself
    hold() go_on() spoil(path, how)     its files stop changing; one can no longer be read
    set_clock(ahead_s)                  the wall clock jumps (for a phone started with settable=True)
    read(path) write(path, text|None)   any file, past all modes; files(folder="/data/local/tmp"); processes()
    state(name) set_state(name, text)   see below
    reset() close()

States, kept in /data/phone by the phone's own programs, and read by the kernel (kernel.py) 30 times a second:
    load                    0 to 1: powers of rails and battery go linearly from idle to busy
    plugged                 1: charges, unless `cmd battery suspend_input` works there (Personality.suspendable)
    faked_plugged           what `dumpsys battery set|unplug` pretend; changes what services say, not the current
    suspended               1 after `cmd battery suspend_input`
    wakefulness             Awake or Asleep: input keyevent 26/223/224, dumpsys power
    wakelocks/NAME          held ones, in dumpsys power
    settings/NAMESPACE/KEY  global/airplane_mode_on, global/wifi_on, system/screen_brightness, ...

Personalities (a module each): pixel (ODPM rails with two time bases, IPowerStats, Mali of Tensor, 3 clusters, uA, + is
into the battery, suspendable), xiaomi_ma (mA, + is out of it, supplies that never move, no GPU node but `dumpsys gpu`,
thermalservice not ready), adreno (kgsl unlistable, gpubusy and temp denied, cluster 7 offline, zones that fail or read
-274000, uA, + is out), samsung (/sys/kernel/gpu, mA, "current now", shifted mType, tenths of degC).
A rail's counter advances by exactly the integral of its power; a gauge's V*I is the battery's power to its rounding;
clusters and GPU step through their frequencies every parts.STEP_S, within scaling_min_freq and scaling_max_freq, and
time_in_state agrees. On a rooted phone adbd is uid 0 and nothing is denied: limits, wake_lock and wake_unlock work, and
adreno has input_suspend.

With buffers(16384) a pull runs at about 1.5 MB/s; a push at 60.

Without pytest: `with running("pixel") as phone:` (tests.adbd.running), `with serving(home) as server:`
(tests.adbd.server), and by hand `python -m tests.adbd pixel [--state load=1] [--delay 0.04] [--tmp-size 2097152]`.
"""
