"""The practice range, tried over real HTTP."""
