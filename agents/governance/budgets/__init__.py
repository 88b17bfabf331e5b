"""Budgets: the estimate is reserved at admission, what a call cost is counted, and what is left over is released."""
