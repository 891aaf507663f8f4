"""Outputs of benchmark_model in the form of each generation, with numbers of our own."""
# ruff: noqa: E501  (lines are as long as the tool prints them)

from typing import Final

NOTE: Final = (
    "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual "
    "memory footprint of the model at runtime. Take the information at your discretion."
)

OF_2019: Final = """\
STARTING!
Min num runs: [20]
Num threads: [2]
Graph: [/data/local/tmp/a b.tflite]
Use nnapi : [0]
nnapi error: unable to open library libneuralnetworks.so
Loaded model /data/local/tmp/a b.tflite
resolved reporter
Initialized session in 5.25ms
Running benchmark for at least 1 iterations and at least 0.5 seconds
count=11 first=46100 curr=45210 min=44990 max=46100 avg=45302.5 std=310

Running benchmark for at least 20 iterations and at least 1 seconds
count=22 first=45300 curr=45100 min=45003 max=45999 avg=45211.1 std=201

Average inference timings in us: Warmup: 45302.5, Init: 5251, no stats: 45211.1
"""

OF_2020: Final = f"""\
STARTING!
Duplicate flags: num_threads
Log parameter values verbosely: [0]
Num threads: [4]
Graph: [/data/local/tmp/m.tflite]
#threads used for CPU inference: [4]
Use gpu: [1]
Loaded model /data/local/tmp/m.tflite
INFO: Initialized TensorFlow Lite runtime.
INFO: Created TensorFlow Lite delegate for GPU.
INFO: Initialized OpenCL-based API.
INFO: Created 1 GPU delegate kernels.
Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.
The input model file size (MB): 6.5
Initialized session in 811.5ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=1 curr=3100200

Running benchmark for at least 1 iterations and at least 10 seconds but terminate if exceeding 150 seconds.
count=4 first=2950100 curr=2910300 min=2890400 max=2950100 avg=2.91235e+06 std=22100

Inference timings in us: Init: 811502, First inference: 3100200, Warmup (avg): 3.1002e+06, Inference (avg): 2.91235e+06
{NOTE}
Peak memory footprint (MB): init=3.5 overall=141.25
"""

_TABLES: Final = """\
Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t ModifyGraphWithDelegate\t            0.000\t  210.500\t  210.500\t 60.000%\t 60.000%\t  1024.000\t        1\tModifyGraphWithDelegate/0
\t         AllocateTensors\t          100.250\t  140.333\t   70.167\t 40.000%\t100.000%\t     0.000\t        2\tAllocateTensors/0

============================== Top by Computation Time ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t ModifyGraphWithDelegate\t            0.000\t  210.500\t  210.500\t 60.000%\t 60.000%\t  1024.000\t        1\tModifyGraphWithDelegate/0

Number of nodes executed: 2
============================== Summary by node type ==============================
\t             [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]
\t ModifyGraphWithDelegate\t        1\t   210.500\t    60.000%\t    60.000%\t  1024.000\t        1

Timings (microseconds): count=1 curr=350833
Memory (bytes): count=0
2 nodes observed



Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t           STRIDED_SLICE\t            0.020\t    2.200\t    2.125\t  5.000%\t  5.000%\t     0.000\t        1\t[model/slice one/StridedSlice]:0
\t     TfLiteNnapiDelegate\t            2.145\t   38.500\t   38.250\t 90.000%\t 95.000%\t     0.000\t        1\t[a/mul, b:0/mul, c]:31
\t RESIZE_NEAREST_NEIGHBOR\t           40.395\t    2.100\t    2.125\t  5.000%\t100.000%\t     0.000\t        3\t[model/resize]:14

============================== Top by Computation Time ==============================
\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t     TfLiteNnapiDelegate\t            2.145\t   38.500\t   38.250\t 90.000%\t 90.000%\t     0.000\t        1\t[a/mul, b:0/mul, c]:31

Number of nodes executed: 3
============================== Summary by node type ==============================
\t             [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]
\t     TfLiteNnapiDelegate\t        1\t    38.250\t    90.000%\t    90.000%\t     0.000\t        1

Timings (microseconds): count=50 first=42800 curr=42500 min=42100 max=43000 avg=42500 std=110
Memory (bytes): count=0
3 nodes observed
"""

OF_2021: Final = f"""\
STARTING!
Log parameter values verbosely: [0]
Num threads: [4]
Graph: [/data/local/tmp/m.tflite]
Enable op profiling: [1]
#threads used for CPU inference: [4]
Use NNAPI: [1]
NNAPI accelerators available: [vendor-dsp,nnapi-reference]
Loaded model /data/local/tmp/m.tflite
INFO: Initialized TensorFlow Lite runtime.
INFO: Created TensorFlow Lite delegate for NNAPI.
Explicitly applied NNAPI delegate, and the model graph will be partially executed by the delegate w/ 1 delegate kernels.
The input model file size (MB): 14.125
Initialized session in 350.9ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=11 first=52000 curr=43000 min=42800 max=52000 avg=44000.5 std=2500

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=43010 curr=42910 min=42650 max=44000 avg=42950.2 std=230

Inference timings in us: Init: 350900, First inference: 52000, Warmup (avg): 44000.5, Inference (avg): 42950.2
{NOTE}
Memory footprint delta from the start of the tool (MB): init=8.25 overall=61.5
{_TABLES}"""

OF_2023: Final = f"""\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Min num runs: [3]
INFO: Num threads: [4]
INFO: Report the peak memory footprint: [1]
INFO: Graph: [m.tflite]
INFO: #threads used for CPU inference: [4]
INFO: Loaded model m.tflite
INFO: Initialized TensorFlow Lite runtime.
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
VERBOSE: Replacing 40 out of 42 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 3 partitions for subgraph 0.
INFO: The input model file size (MB): 1.5
INFO: Initialized session in 16.625ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=71 first=8600 curr=6900 min=6100 max=8600 avg=7190.25 std=640

INFO: Running benchmark for at least 3 iterations and at least 0.01 seconds but terminate if exceeding 150 seconds.
INFO: count=3 first=6500 curr=6520 min=6480 max=6520 avg=6500 std=16

INFO: Inference timings in us: Init: 16625, First inference: 8600, Warmup (avg): 7190.25, Inference (avg): 6500
INFO: {NOTE}
INFO: Memory footprint delta from the start of the tool (MB): init=8.5 overall=10.5
INFO: Overall peak memory footprint (MB) via periodic monitoring: 12.75
INFO: Memory status at the end of exeution:
INFO: - VmRSS              : 19 MB
INFO: + RssAnnon           : 9 MB
INFO: + RssFile + RssShmem : 10 MB
"""

OF_2024: Final = OF_2023.replace("avg=7190.25 std=640", "avg=7190.25 std=640 p5=6150 median=6999 p95=8500").replace(
    "avg=6500 std=16", "avg=6500 std=16 p5=6480 median=6500 p95=6520"
)

OF_LITERT: Final = """\
INFO: STARTING!
INFO: [environment.cc:30] Creating LiteRT environment with options
INFO: Log parameter values verbosely: [0]
INFO: Num threads: [2]
INFO: [gpu_registry.cc:129] Dynamically loaded GPU accelerator(libLiteRtOpenClAccelerator.so) registered.
INFO: [benchmark_litert_model.cc:300] Loading model from: /data/local/tmp/m.tflite
VERBOSE: Replacing 66 out of 66 node(s) with delegate (LITERT_CL) node, yielding 1 partitions for subgraph 0 (main).
INFO: The input model file size (MB): 13.9
INFO: Initialized session in 820.75ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=9 first=61000 curr=55000 min=54000 max=61000 avg=56000.5 std=2000 p5=54000 median=55500 p95=61000

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=50 first=55100 curr=55200 min=54100 max=57000 avg=55250.5 std=400 p5=54500 median=55240 p95=56100

INFO: [benchmark_litert_model.h:80]\x20
========== BENCHMARK RESULTS ==========
INFO: [benchmark_litert_model.h:82] Signature name:       serving_default
INFO: [benchmark_litert_model.h:85] Model initialization: 820.75 ms
INFO: [benchmark_litert_model.h:86] Warmup (first):       61.00 ms
INFO: [benchmark_litert_model.h:88] Warmup (avg):         56.00 ms (9 runs)
INFO: [benchmark_litert_model.h:90] Inference (avg):      55.25 ms (50 runs)
INFO: [benchmark_litert_model.h:94] Inference (min):      54.10 ms
INFO: [benchmark_litert_model.h:96] Inference (max):      57.00 ms
INFO: [benchmark_litert_model.h:98] Inference (std):      0.40
INFO: [benchmark_litert_model.h:106] Throughput:           10.39 MB/s
INFO: [benchmark_litert_model.h:115]\x20
Memory Usage:
INFO: [benchmark_litert_model.h:116] Init footprint:       51.50 MB
INFO: [benchmark_litert_model.h:118] Overall footprint:    70.25 MB
INFO: [benchmark_litert_model.h:125] Peak memory usage not available. (peak_mem_mb <= 0)
INFO: [benchmark_litert_model.h:129] ======================================

"""

FAILED_DELEGATE: Final = """\
STARTING!
Log parameter values verbosely: [0]
Num threads: [4]
Graph: [/data/local/tmp/m.tflite]
Use NNAPI: [1]
NNAPI accelerator name: [vendor-dsp]
Loaded model /data/local/tmp/m.tflite
INFO: Created TensorFlow Lite delegate for NNAPI.
ERROR: NN API returned error ANEURALNETWORKS_BAD_DATA at line 100 while completing NNAPI compilation.

ERROR: Node number 12 (TfLiteNnapiDelegate) failed to prepare.

ERROR: Restored original execution plan after delegate application failure.
Failed to apply NNAPI delegate.
Benchmarking failed.
"""

GENERATIONS: Final = {
    "tflite-2019": OF_2019,
    "tflite-2020": OF_2020,
    "tflite-2021": OF_2021,
    "tflite-2023": OF_2023,
    "tflite-2024": OF_2024,
    "litert": OF_LITERT,
}
