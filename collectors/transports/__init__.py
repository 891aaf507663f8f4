"""How a device is reached: this machine itself, adb, ssh."""
