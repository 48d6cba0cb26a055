"""Hours of a household in half of one: a steady load, faults and kills at random moments, and what has to stay flat."""
