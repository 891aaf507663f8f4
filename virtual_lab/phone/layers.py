"""What is on the phone's screen: SurfaceFlinger's names of layers, as Android 12 and later write them (remembered)."""

from typing import Final

LAYERS: Final = (
    "StatusBar#0",
    "org.edgewatt.virtual/org.edgewatt.virtual.Game#0",
    "SurfaceView[org.edgewatt.virtual/org.edgewatt.virtual.Game](BLAST)#0",
)


def layers() -> str:
    """`dumpsys SurfaceFlinger --list`."""
    return "".join(f"{layer}\n" for layer in LAYERS)
