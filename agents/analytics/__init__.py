"""What the log says about itself: what will come."""
