"""Running replicates: one, many in threads, paired without contagion, the funding pool alone.

No Mesa here, and nothing is written to disk.
"""
