"""What stands around any adapter: three children a platform account (inbound, delivery, liveness) and the drafts
between."""
