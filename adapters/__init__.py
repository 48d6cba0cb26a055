"""Chat platforms: one module or folder each, over the contract in adapters/contract.py."""
