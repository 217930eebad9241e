"""A study's folder on disk: the plan, the manifest, chunks and their schema.

It is read and written here; who computes is in `execution`.
"""
