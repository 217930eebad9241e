"""What a study has found: its runs as frames and arrays, averages and paired differences.

It reads what `store` holds and computes no run.
"""
