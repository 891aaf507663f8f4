"""Figures of edgewatt beside a peer or a limit; `make benchmarks` writes docs/performance.md."""
