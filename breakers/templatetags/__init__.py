"""Template tags of the protection floor's pages."""
