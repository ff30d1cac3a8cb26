"""Learning from camnoise shards. Empty so far: the camera and its shards come first."""
