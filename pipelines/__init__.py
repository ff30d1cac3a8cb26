"""Image collections in, verified shards of clean and noisy views out.

The files in the order of the work: `address`, `source`, `folder`, `raws` and `pairs` (what is there), `images` (is it
a photograph we can read), `rawfiles` and `mosaics` (RAW files), `choice` and `camera` (what a user asks for), `recipe`
and `plan` (what will be made), `exposures` (one image), `build` (one shard), `run` (all of them), `verify`, `reader`
and `contact` (one to look at).
"""
