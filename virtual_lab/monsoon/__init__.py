"""Monsoon power meters that speak as the real ones do: the LVPM over a serial line, LVPM and HVPM over USB.

    with lvpm_on_pty(Constant(0.75)) as lab:             # serve.py: a process of its own
        print(lab.path, lab.meter.voltage_v)             # /dev/pts/N, for any client
    found = usb.core.find(backend=usb_backend(Constant(0.75), model="hvpm"))      # usb.py: in this process

What hangs on a meter is a `Feed` (feeds.py). What a meter is was drawn with its seed (build.py), what goes wrong with
it is in faults.py. The protocols are those that independent clients speak; no real meter was at hand.
"""
