"""Figures of the gateway beside those of others, over local fakes of a model and of a chat platform."""
