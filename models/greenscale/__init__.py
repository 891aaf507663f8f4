"""GreenScale: when and where work is done for least carbon, energy or latency. Equations: docs/greenscale.md."""
