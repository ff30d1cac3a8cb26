"""Calibration: from frames that anyone can shoot to the numbers of a camera, each with a 95 % interval.

`sensor.calibrate` runs everything on stacks (frame, row, col) of uint16 raw DN; `sensor.measured_camera` makes a
preset of what it found. `photon_transfer` has the gain, `read_noise` the law of the read noise, `lines` row and column
noise, `patterns` black level, PRNU, DSNU and hot pixels, `dark_current` what grows with time, `gain_branches` the laws
across ISOs. Every number is an `Estimate`; what cannot be determined is None, and a sentence in `notes`.
"""
