"""Image collections in, verified shards of clean and noisy views out.

The files in the order of the work: `address` and `source` (what is there), `images` (is it a photograph we can read),
`recipe` and `plan` (what will be made), `exposures` (one image), `build` (one shard), `run` (all of them), `verify`
and `reader`.
"""
