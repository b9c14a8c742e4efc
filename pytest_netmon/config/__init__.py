"""Configuration: YAML files and options become a plan, or every problem in them at once.

`load.load_plan` is the entry. Modules that need neither yaml nor jsonschema stand below those that
do, so that a run whose targets all come from options imports neither.
"""
