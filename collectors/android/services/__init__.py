"""What a phone's system services tell when they are asked (dumpsys, cmd): slow, so beside the fast sampler of files.

Each module knows one service: how it is asked, and how its answer is read. A `Candidate` is a service that may be
there; `Services` tries those that are wanted and goes on asking the ones that answered.
"""

from edgewatt.collectors.android.services.asking import Candidate, Offer
from edgewatt.collectors.android.services.batteryservice import BATTERY
from edgewatt.collectors.android.services.collector import Services
from edgewatt.collectors.android.services.gpu_work import GPU_WORK
from edgewatt.collectors.android.services.power_stats import power_stats
from edgewatt.collectors.android.services.thermalservice import THERMAL
from edgewatt.collectors.android.services.wifi import WIFI

__all__ = ["BATTERY", "GPU_WORK", "THERMAL", "WIFI", "Candidate", "Offer", "Services", "power_stats"]
