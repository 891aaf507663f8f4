"""A calibration suite in virtual time: loads on a virtual phone, recorded by the code that a real run takes."""
