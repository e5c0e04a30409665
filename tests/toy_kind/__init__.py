"""A kind that no other code knows: a minimal version of what CONTRIBUTING.md describes.

`kind` is its module, the rest of this folder is its engine task, its fake and its tab. Its one
line of registration is the environment variable `STUDIO_KINDS` here, `MODULES` in the registry
for a real one.
"""
