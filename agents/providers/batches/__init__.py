"""The batch lane: requests that can wait are left to the providers' batch interfaces at a lower price."""
