"""The devices of a federated study, from a calibration: what a round takes of them, and who pays each joule."""
