"""What graded outcomes teach about models: the learned predictor, how it is fitted, stored and measured."""
