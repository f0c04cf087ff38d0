"""Pages of the flow floor; function views, one module per noun."""
