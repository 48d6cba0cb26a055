"""Configuration: config.yaml, .env and the environment, read once into frozen values.

``load`` reads, ``schema`` tells what there is to set, ``edit`` changes one thing without touching the rest. Nothing is
imported here, so that a command that needs none of it pays for none of it.
"""
